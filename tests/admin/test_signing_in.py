from backend.accounts.service import add_officer

PASSWORD = "a long enough password"


def sign_in(city, password):
    return city.http.post("/api/v1/admin/sign-in", json={"username": "zhou", "password": password})


def test_an_officer_signs_in_and_the_token_says_who_it_is_until_they_sign_out(city, now):
    with city.database.transaction() as session:
        add_officer(session, username="zhou", name="周核", password=PASSWORD, roles=["score_officer"], now=now)
    answer = sign_in(city, PASSWORD)
    assert answer.status_code == 201
    assert answer.get_json()["officer"] == {"name": "周核", "roles": ["score_officer"], "city_name": "桂城市"}

    headers = {"Authorization": f"Bearer {answer.get_json()['token']}", "Idempotency-Key": "out"}
    assert city.http.get("/api/v1/admin/me", headers=headers).get_json()["name"] == "周核"
    assert city.http.delete("/api/v1/admin/sign-in", headers=headers).status_code == 204
    assert city.http.get("/api/v1/admin/me", headers=headers).status_code == 401


def test_a_wrong_password_and_an_unknown_name_are_told_alike(city, now):
    unknown = sign_in(city, PASSWORD)
    with city.database.transaction() as session:
        add_officer(session, username="zhou", name="周核", password=PASSWORD, roles=[], now=now)
    wrong = sign_in(city, "not the password")
    assert (unknown.status_code, wrong.status_code) == (401, 401)
    assert unknown.get_json()["code"] == wrong.get_json()["code"] == "sign_in_failed"
    assert unknown.get_json()["detail"] == wrong.get_json()["detail"]


def test_guessing_passwords_is_stopped_after_sixty_tries_in_a_quarter_of_an_hour(city):
    # Tries without a password count like the others, and are answered faster.
    answers = [city.http.post("/api/v1/admin/sign-in", json={}).status_code for _ in range(60)]
    assert answers == [422] * 60
    refused = sign_in(city, PASSWORD)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
