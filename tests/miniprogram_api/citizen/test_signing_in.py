from __future__ import annotations

from tests.factories import add_person

API = "/api/v1"


def test_the_options_say_how_to_sign_in_and_mask_every_name(city):
    options = city.http.get(f"{API}/sign-in/options").get_json()

    assert options == {
        "adapter": "demo",
        "city_name": "桂城市",
        "demo_citizens": [{"credential": "1", "name": "王*兰", "story": "测试市民"}],
    }


def test_signing_in_gives_a_token_that_opens_the_citizens_own_data(city):
    with city.database.transaction() as session:
        person = add_person(session, city.keys)

    answer = city.http.post(f"{API}/sign-in", json={"adapter": "demo", "credential": str(person.id)})

    body = answer.get_json()
    assert answer.status_code == 201
    assert body["citizen"]["name"] == "王*兰"
    assert body["citizen"]["identifier"].startswith("990***********")
    assert body["expires_at"] == "2026-03-03T14:00:00Z"
    me = city.http.get(f"{API}/me", headers={"Authorization": f"Bearer {body['token']}"})
    assert me.status_code == 200


def test_a_wrong_credential_and_a_wrong_adapter_look_alike(city):
    for body in [{"adapter": "demo", "credential": "nobody"}, {"adapter": "wechat", "credential": "1"}]:
        answer = city.http.post(f"{API}/sign-in", json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_failed")


def test_signing_out_ends_the_token(city):
    with city.database.transaction() as session:
        person = add_person(session, city.keys)
    phone = city.as_citizen(person.id)

    assert phone.delete(f"{API}/sign-in").status_code == 204
    assert phone.get(f"{API}/me").status_code == 401


def test_an_incomplete_sign_in_says_which_field_is_missing(city):
    answer = city.http.post(f"{API}/sign-in", json={"adapter": "demo"})

    assert answer.status_code == 422
    assert "credential" in answer.get_json()["errors"]["json"]
