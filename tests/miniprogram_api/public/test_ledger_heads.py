from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from backend.ledger.chain import seal_segment
from backend.ledger.service import Actor, record_access
from tests.factories import add_person

HEADS = "/api/v1/public/ledger/heads"


def seal_looks(city, segments):
    for _ in range(segments):
        with city.database.transaction() as session:
            record_access(
                session,
                subject_id=add_person(session, city.keys).id,
                actor=Actor(kind="partner", id="library", name="桂城图书馆"),
                action="benefit_checked",
                basis="本人当场出示凭码",
                purpose="信易阅",
                detail={"told": "符合"},
                channel="partner_api",
                now=city.clock(),
            )
            session.flush()
            seal_segment(session, signing_key=city.services.config.signing_key, now=city.clock())


def test_anyone_may_read_the_heads_newest_first_and_check_their_signatures(city):
    seal_looks(city, 3)
    page = city.http.get(HEADS, query_string={"limit": 2}).get_json()
    rest = city.http.get(HEADS, query_string={"limit": 2, "cursor": page["next_cursor"]}).get_json()
    assert [head["number"] for head in [*page["items"], *rest["items"]]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(page["public_key"]))
    for head in page["items"]:
        signed = f"osmanthus-ledger:{head['number']}:{head['entry_count']}:{head['sealed_at']}:".encode()
        key.verify(bytes.fromhex(head["signature"]), signed + bytes.fromhex(head["head"]))


def test_the_heads_of_an_empty_ledger_are_an_empty_page(city):
    assert city.http.get(HEADS).get_json()["items"] == []
