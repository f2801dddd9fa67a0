//! Asks a gateway through async-openai: one question a line of the input, one answer a line of the
//! output. Responses are read into that library's types, which take no other values.

use std::env::var;
use std::io::{stdin, BufRead};

use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::images::{CreateImageRequest, Image, ImageGenStreamEvent, ImageGenUsage};
use async_openai::Client;
use futures::StreamExt;
use serde_json::{from_str, from_value, json, Value};

type Images = async_openai::Client<OpenAIConfig>;

#[derive(Default)]
struct Answer {
    images: Vec<String>,
    previews: usize,
    total_tokens: Vec<u32>,
    created: Vec<u64>,
    error: Option<OpenAIError>,
}

impl Answer {
    fn add(&mut self, image: String, created: u64, usage: Option<ImageGenUsage>) {
        self.images.push(image);
        self.created.push(created);
        self.total_tokens.extend(usage.map(|usage| usage.total_tokens));
    }

    fn written(&self) -> Value {
        let mut written = json!({
            "images": self.images,
            "previews": self.previews,
            "total_tokens": self.total_tokens,
            "created": self.created,
        });
        if let Some(error) = &self.error {
            written["message"] = json!(error.to_string());
            written["raised"] = json!(match error {
                OpenAIError::ApiError(_) => "ApiError",
                OpenAIError::JSONDeserialize(..) => "JSONDeserialize",
                _ => "other",
            });
            if let OpenAIError::ApiError(response) = error {
                written["status"] = json!(response.status_code.as_u16());
                written["code"] = json!(response.api_error.code);
            }
        }
        written
    }
}

async fn plain(client: &Images, request: CreateImageRequest, answer: &mut Answer) -> Result<(), OpenAIError> {
    let response = client.images().generate(request).await?;
    answer.created.push(response.created.into());
    answer.total_tokens.extend(response.usage.map(|usage| usage.total_tokens));
    for image in response.data {
        if let Image::B64Json { b64_json, .. } = &*image {
            answer.images.push(b64_json.to_string());
        }
    }
    Ok(())
}

async fn streamed(client: &Images, request: CreateImageRequest, answer: &mut Answer) -> Result<(), OpenAIError> {
    let mut events = client.images().generate_stream(request).await?;
    while let Some(event) = events.next().await {
        match event? {
            ImageGenStreamEvent::PartialImage(_) => answer.previews += 1,
            ImageGenStreamEvent::Completed(event) => {
                answer.add(event.b64_json, event.created_at, Some(event.usage));
            }
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let config = OpenAIConfig::new()
        .with_api_base(var("BASE_URL").unwrap())
        .with_api_key(var("API_KEY").unwrap())
        .with_header("Tintype-Profile", var("PROFILE").unwrap())
        .unwrap();
    let client = Client::with_config(config);
    for line in stdin().lock().lines() {
        let question: Value = from_str(&line.unwrap()).unwrap();
        let request: CreateImageRequest = from_value(question["body"].clone()).unwrap();
        let mut answer = Answer::default();
        let ended = if question["stream"] == true {
            streamed(&client, request, &mut answer).await
        } else {
            plain(&client, request, &mut answer).await
        };
        answer.error = ended.err();
        println!("{}", answer.written());
    }
}
