"""What an error says besides its code: enough to do better next time."""

import pytest

from tintype_testing.gateway import Gateway


async def test_a_retired_model_names_its_last_day_and_its_replacement(gateway: Gateway) -> None:
    message = (await gateway.generate(model="dall-e-3")).json()["error"]["message"]

    assert "No active providers" in message
    assert "2026-05-12" in message
    assert "'gpt-image-2'" in message


async def test_all_faulty_fields_are_named_at_once(gateway: Gateway) -> None:
    response = await gateway.generate(model="gpt-image-1", n=0, size="big", style="cubist", foo=1)

    problems = response.json()["errors"]
    assert response.status_code == 422
    assert {problem["param"] for problem in problems} == {"n", "size", "style", "foo"}
    assert all(problem["message"] and problem["code"] for problem in problems)


async def test_a_word_that_is_not_known_gets_the_words_that_are(gateway: Gateway) -> None:
    message = (await gateway.generate(model="gpt-image-1", quality="best")).json()["error"][
        "message"
    ]

    assert all(word in message for word in ("standard", "hd", "low", "high", "auto", "xhigh"))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/images/generations", {"POST"}),
        ("DELETE", "/v1/models/gpt-image-1", {"GET", "HEAD"}),
    ],
)
async def test_another_method_gets_the_allowed_ones(
    gateway: Gateway, method: str, path: str, allowed: set[str]
) -> None:
    async with gateway.http() as http:
        response = await http.request(method, path)

    assert set(response.headers["Allow"].replace(" ", "").split(",")) == allowed


async def test_without_a_key_errors_reveal_nothing_of_a_model(gateway: Gateway) -> None:
    async with gateway.http() as http:
        del http.headers["Authorization"]
        responses = [
            await http.post("/v1/images/generations", json={"model": "dall-e-3"}),
            await http.get("/v1/models"),
            await http.get("/v1/models/dall-e-3"),
        ]

    assert [response.status_code for response in responses] == [401, 401, 401]


async def test_a_revoked_key_opens_nothing_more(gateway: Gateway) -> None:
    caller = await gateway.ledger.authenticate(gateway.key)
    assert (await gateway.generate(model="gpt-5-mini")).status_code == 400

    await gateway.ledger.revoke_key(caller.key_id)

    response = await gateway.generate(model="gpt-image-1")
    assert response.status_code == 401
    assert "revoked" in response.json()["error"]["message"]


@pytest.mark.parametrize("name", ["X-Quantized-Provider", "X-Tintype-Provider"])
async def test_a_provider_that_serves_the_model_can_be_forced(gateway: Gateway, name: str) -> None:
    response = await gateway.generate({name: "OpenAI"}, model="gpt-image-1", quality="low")

    assert response.status_code == 200
    assert response.headers["Tintype-Route"].startswith("openai/")


async def test_the_header_and_the_prefix_may_say_the_same(gateway: Gateway) -> None:
    response = await gateway.generate(
        {"X-Quantized-Provider": "openai"}, model="openai/gpt-image-1", quality="low"
    )

    assert response.status_code == 200


async def test_the_scheme_of_the_key_may_be_written_in_any_case(gateway: Gateway) -> None:
    response = await gateway.generate(
        {"Authorization": f"bearer  {gateway.key}"}, model="gpt-image-1", quality="low"
    )

    assert response.status_code == 200


async def test_a_field_that_is_null_counts_as_left_out(gateway: Gateway) -> None:
    response = await gateway.generate(
        model="gpt-image-1", quality="low", n=None, style=None, stream=None
    )

    assert response.status_code == 200
