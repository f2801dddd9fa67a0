import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.OpenAIException;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.images.ImageGenCompletedEvent;
import com.openai.models.images.ImageGenStreamEvent;
import com.openai.models.images.ImageGenerateParams;
import com.openai.models.images.ImagesResponse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Asks a gateway through OpenAI's own client, which validates each response: one question a line of
 * the input, one answer a line of the output.
 */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final OpenAIClient client;
    private final List<String> images = new ArrayList<>();
    private final List<Long> created = new ArrayList<>();
    private final List<Long> totalTokens = new ArrayList<>();
    private final Map<String, Object> answer = new TreeMap<>();
    private int previews;

    private Client(OpenAIClient client) {
        this.client = client;
    }

    public static void main(String[] arguments) throws IOException {
        OpenAIClient client =
                OpenAIOkHttpClient.builder()
                        .baseUrl(System.getenv("BASE_URL"))
                        .apiKey(System.getenv("API_KEY"))
                        .putHeader("Tintype-Profile", System.getenv("PROFILE"))
                        .responseValidation(true)
                        .maxRetries(0)
                        .build();
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(JSON.writeValueAsString(new Client(client).answered(JSON.readTree(line))));
        }
        client.close();
    }

    private Map<String, Object> answered(JsonNode question) {
        try {
            if (question.path("stream").asBoolean()) {
                streamed(parameters(question.get("body")));
            } else {
                plain(parameters(question.get("body")));
            }
        } catch (OpenAIServiceException error) {
            fail(error);
            answer.put("status", error.statusCode());
            answer.put("code", error.code().orElse(null));
        } catch (OpenAIException error) {
            fail(error);
        }
        answer.put("images", images);
        answer.put("previews", previews);
        answer.put("created", created);
        answer.put("total_tokens", totalTokens);
        return answer;
    }

    private void fail(OpenAIException error) {
        answer.put("raised", error.getClass().getSimpleName());
        answer.put("message", error.getMessage());
    }

    private static ImageGenerateParams parameters(JsonNode body) {
        ImageGenerateParams.Builder builder = ImageGenerateParams.builder();
        for (Iterator<Map.Entry<String, JsonNode>> fields = body.fields(); fields.hasNext(); ) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (field.getKey().equals("prompt")) {
                builder.prompt(field.getValue().asText());
            } else {
                builder.putAdditionalBodyProperty(field.getKey(), JsonValue.fromJsonNode(field.getValue()));
            }
        }
        return builder.build();
    }

    private void plain(ImageGenerateParams parameters) {
        ImagesResponse response = client.images().generate(parameters);
        created.add(response.created());
        response.usage().ifPresent(usage -> totalTokens.add(usage.totalTokens()));
        response.data().orElseThrow().forEach(image -> images.add(image.b64Json().orElseThrow()));
    }

    private void streamed(ImageGenerateParams parameters) {
        try (StreamResponse<ImageGenStreamEvent> events = client.images().generateStreaming(parameters)) {
            events.stream().forEach(this::receive);
        }
    }

    private void receive(ImageGenStreamEvent event) {
        if (event.isGenerationPartialImage()) {
            previews++;
            return;
        }
        ImageGenCompletedEvent completed = event.asGenerationCompleted();
        images.add(completed.b64Json());
        created.add(completed.createdAt());
        totalTokens.add(completed.usage().totalTokens());
    }
}
