"""The published client `affinity-sdk` against the Affinity sandbox: every v1 operation that it has.

    chaperone sandbox --listen 127.0.0.1:8787 &
    pip install -r tests/sdk/requirements.txt
    python tests/sdk/run.py http://127.0.0.1:8787

The sandbox must be freshly started, since the checks change its data and count what is there.

Each check names the SDK function and the v1 operation it stands for; the transport notes which operations were really
sent, and a check whose operation was not sent fails. The sandbox has no v2 API: calls of the SDK to /v2 are answered 403
by the transport, which is also what makes `reminders.delete` take its v1 road. The v1 operations that the SDK does
through v2 (reading lists, writing notes, webhooks, …) are tested over plain HTTP in tests/sandbox.rs.
"""

import asyncio
import re
import sys
import tempfile
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
from affinity import Affinity, AsyncAffinity
from affinity.exceptions import AffinityError, ValidationError
from affinity.models import (
    CompanyCreate, CompanyUpdate, FieldCreate, FieldValueCreate, InteractionCreate, InteractionUpdate, ListCreate,
    OpportunityCreate, OpportunityUpdate, PersonCreate, PersonUpdate, ReminderUpdate,
)
from affinity.models.entities import ListPermission
from affinity.types import (
    EntityType, FieldValueChangeAction, FieldValueType, InteractionDirection, InteractionType, ListRole, ListType,
    ReminderResetType, ReminderType,
)

ME, COLLEAGUE, DANA, ACME, ACME_B = 1001, 1002, 2001, 5001, 7001
COMPANIES, DEALS, FOUNDERS, STATUS, TEXT_FILE = 301, 302, 303, "field-401", 43001
NOW = datetime.now(timezone.utc)
YEAR_AGO = NOW - timedelta(days=364)

SENT = set()


def operation(request):
    return f"{request.method} {re.sub(r'/[0-9]+', '/{}', request.url.path)}"


def refuse(request):
    errors = [{"code": "authorization", "message": "the sandbox has no v2"}]
    return httpx.Response(403, json={"errors": errors}, request=request)


class Recorder(httpx.HTTPTransport):
    def handle_request(self, request):
        if request.url.path.startswith("/v2/"):
            return refuse(request)
        SENT.add(operation(request))
        return super().handle_request(request)


class AsyncRecorder(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        if request.url.path.startswith("/v2/"):
            return refuse(request)
        SENT.add(operation(request))
        return await super().handle_async_request(request)


def options(url, **more):
    return dict(
        api_key="sandbox", v1_base_url=url, v2_base_url=f"{url}/v2", allow_insecure_download_redirects=True,
        max_retries=0, **more,
    )


CHECKS = []


def check(function, *operations):
    """A check of one SDK function, which must send these v1 operations."""
    def register(body):
        CHECKS.append((function, operations, body))
        return body
    return register


def refused(error, text, call):
    try:
        call()
    except error as exception:
        assert text in str(exception), f"{text!r} is not in {exception}"
        return
    raise AssertionError(f"expected {error.__name__}")


def number(field_id):
    """401 of 401 and of "field-401"."""
    return int(str(field_id).removeprefix("field-"))


# Persons


@check("persons.search", "GET /persons")
def _(a):
    found = a.persons.search("dana", with_interaction_dates=True, with_interaction_persons=True, with_opportunities=True)
    dana = found.data[0]
    assert (dana.id, dana.first_name, dana.type) == (DANA, "Dana", "external")
    assert dana.interaction_dates.last_interaction_date and dana.opportunity_ids == [ACME_B]
    assert a.persons.search("maya").data[0].type == "internal"
    pages = list(a.persons.search_pages("a", page_size=7))
    ids = [person.id for page in pages for person in page.data]
    assert len(pages) > 2 and len(ids) == len(set(ids)) and all(len(page.data) <= 7 for page in pages)
    assert ids == [person.id for person in a.persons.search("a", page_size=500).data]


@check("persons.get(include_field_values=True)", "GET /persons/{}")
def _(a):
    dana = a.persons.get(DANA, include_field_values=True, with_interaction_dates=True)
    assert dana.primary_email == "dana.whitfield@acme.co" and dana.company_ids == [ACME]
    assert dana.list_entries[0].list_id == FOUNDERS
    refused(ValidationError, "expected 4 to be a valid id", lambda: a.persons.get(4, include_field_values=True))
    refused(AffinityError, "merged into 2001", lambda: a.persons.get(2998, include_field_values=True))


@check("persons.get_associated_company_ids", "GET /persons/{}")
def _(a):
    assert a.persons.get_associated_company_ids(DANA) == [ACME]


@check("persons.create, update, delete", "POST /persons", "PUT /persons/{}", "DELETE /persons/{}")
def _(a):
    made = a.persons.create(PersonCreate(first_name="Ada", last_name="Byron", emails=["ada@byron.org"], company_ids=[ACME]))
    assert (made.first_name, made.emails, made.company_ids) == ("Ada", ["ada@byron.org"], [ACME])
    again = PersonCreate(first_name="A", last_name="B", emails=["ada@byron.org"])
    refused(ValidationError, "already belongs", lambda: a.persons.create(again, if_not_exists=False))
    changed = a.persons.update(made.id, PersonUpdate(last_name="Lovelace", emails=["ada@lovelace.org"]))
    assert (changed.last_name, changed.emails, changed.company_ids) == ("Lovelace", ["ada@lovelace.org"], [ACME])
    assert a.persons.delete(made.id) is True
    refused(ValidationError, "valid id", lambda: a.persons.delete(made.id))
    refused(ValidationError, "Deleting internal", lambda: a.persons.delete(ME))


# Companies


@check("companies.search", "GET /organizations")
def _(a):
    acme = a.companies.search("Acme Corp", with_interaction_dates=True, with_opportunities=True).data[0]
    assert (acme.id, acme.domain, acme.is_global, acme.opportunity_ids) == (ACME, "acme.co", True, [ACME_B, 7012])
    pages = list(a.companies.search_pages("", page_size=10))
    assert [len(page.data) for page in pages] == [10, 10, 5]


@check("companies.get(with_interaction_dates=True)", "GET /organizations/{}")
def _(a):
    acme = a.companies.get(ACME, with_interaction_dates=True, with_interaction_persons=True)
    assert acme.interaction_dates.next_event_date > NOW > acme.interaction_dates.last_email_date
    assert acme.interactions.last_email.person_ids


@check("companies.get_associated_person_ids, get_associated_opportunity_ids", "GET /organizations/{}")
def _(a):
    assert a.companies.get_associated_person_ids(ACME) == [2001, 2002, 2003, 2004]
    assert a.companies.get_associated_opportunity_ids(ACME) == [ACME_B, 7012]


@check("companies.create, update, delete", "POST /organizations", "PUT /organizations/{}", "DELETE /organizations/{}")
def _(a):
    made = a.companies.create(CompanyCreate(name="Byron Engines", domain="byron.org", person_ids=[DANA]))
    assert (made.name, made.domain, made.person_ids, made.is_global) == ("Byron Engines", "byron.org", [DANA], False)
    changed = a.companies.update(made.id, CompanyUpdate(name="Lovelace Engines", person_ids=[2002, 2003]))
    assert (changed.name, changed.domain, changed.person_ids) == ("Lovelace Engines", "byron.org", [2002, 2003])
    assert a.companies.delete(made.id) is True
    refused(ValidationError, "Global", lambda: a.companies.update(ACME, CompanyUpdate(name="Mine")))
    refused(ValidationError, "Global", lambda: a.companies.delete(ACME))


# Opportunities


@check("opportunities.search", "GET /opportunities")
def _(a):
    assert [o.id for o in a.opportunities.search("acme").data] == [ACME_B, 7012]
    assert len(list(a.opportunities.search_all("", page_size=5))) == 12


@check("opportunities.get_details, get_associations", "GET /opportunities/{}")
def _(a):
    details = a.opportunities.get_details(ACME_B)
    assert (details.name, details.person_ids, details.company_ids) == ("Acme Corp Series B", [2001, 2002], [ACME])
    assert details.list_entries[0].list_id == DEALS
    assert a.opportunities.get_associations(ACME_B).company_ids == [ACME]


@check("opportunities.create, update, delete", "POST /opportunities", "PUT /opportunities/{}", "DELETE /opportunities/{}")
def _(a):
    made = a.opportunities.create(OpportunityCreate(name="Byron seed", list_id=DEALS, company_ids=[ACME]))
    assert made.company_ids == [ACME] and made.list_entries[0].list_id == DEALS
    changed = a.opportunities.update(made.id, OpportunityUpdate(name="Byron A", person_ids=[DANA]))
    assert (changed.name, changed.person_ids, changed.company_ids) == ("Byron A", [DANA], [ACME])
    assert a.opportunities.delete(made.id) is True
    wrong = OpportunityCreate(name="x", list_id=COMPANIES)
    refused(ValidationError, "not a list of opportunities", lambda: a.opportunities.create(wrong))


# Lists


@check("lists.create(owner_id=…), lists.get_size", "POST /lists", "GET /lists/{}")
def _(a):
    permission = ListPermission(internal_person_id=COLLEAGUE, role_id=ListRole.BASIC)
    made = a.lists.create(ListCreate(
        name="Advisors", type=ListType.PERSON, is_public=False, owner_id=COLLEAGUE, additional_permissions=[permission],
    ))
    assert (made.name, made.type, made.is_public, made.owner_id) == ("Advisors", ListType.PERSON, False, COLLEAGUE)
    assert made.additional_permissions[0].role_id == ListRole.BASIC
    assert a.lists.get_size(made.id, force=True) == 0 and a.lists.get_size(DEALS, force=True) == 12


@check("lists.entries().add_person, delete", "POST /lists/{}/list-entries", "DELETE /lists/{}/list-entries/{}")
def _(a):
    entries = a.lists.entries(FOUNDERS)
    row = entries.add_person(2002, creator_id=COLLEAGUE)
    assert (row.list_id, row.entity_id, row.creator_id, row.entity_type) == (FOUNDERS, 2002, COLLEAGUE, 0)
    assert a.lists.get_size(FOUNDERS, force=True) == 7
    assert entries.delete(row.id) is True
    assert a.lists.get_size(FOUNDERS, force=True) == 6
    refused(ValidationError, "valid id", lambda: entries.add_person(4))


@check("lists.entries().add_company; deleting a deal's row", "POST /lists/{}/list-entries", "DELETE /lists/{}/list-entries/{}")
def _(a):
    assert a.lists.entries(COMPANIES).add_company(5009).entity_id == 5009
    deal = a.opportunities.create(OpportunityCreate(name="Short-lived", list_id=DEALS))
    a.lists.entries(DEALS).delete(deal.list_entries[0].id)
    refused(ValidationError, "valid id", lambda: a.opportunities.get_details(deal.id))


# Fields and their values


@check("fields.list", "GET /fields")
def _(a):
    fields = a.fields.list()
    status = next(field for field in fields if number(field.id) == 401)
    assert status.name == "Status" and status.track_changes and status.dropdown_options[0].text == "New"
    assert len(a.fields.list(list_id=DEALS)) == 4
    assert {field.name for field in a.fields.list(entity_type=EntityType.PERSON)} >= {"Job title", "Interests"}


@check("fields.create, delete", "POST /fields", "DELETE /fields/{}")
def _(a):
    made = a.fields.create(FieldCreate(
        name="Board seats", entity_type=EntityType.OPPORTUNITY, value_type=FieldValueType.NUMBER, list_id=DEALS,
        is_list_specific=True,
    ))
    assert made.name == "Board seats" and made.list_id == DEALS and made.value_type == "number"
    assert a.fields.delete(made.id) is True
    wrong = FieldCreate(
        name="x", entity_type=EntityType.PERSON, value_type=FieldValueType.TEXT, list_id=DEALS, is_list_specific=True,
    )
    refused(ValidationError, "same model type", lambda: a.fields.create(wrong))


@check("field_values.list", "GET /field-values")
def _(a):
    values = {number(value.field_id): value.value for value in a.field_values.list(company_id=ACME)}
    assert values[406] == "Industrial software" and values[407]["city"] == "Denver" and values[405]["text"] == "High"
    row = a.opportunities.get_details(ACME_B).list_entries[0].id
    assert len(a.field_values.list(list_entry_id=row)) == 5
    assert len(a.field_values.list(opportunity_id=ACME_B)) == 5
    assert {value.value for value in a.field_values.list(person_id=DANA)} >= {"Chief executive", "Cycling"}


@check("field_values.create, update, delete", "POST /field-values", "PUT /field-values/{}", "DELETE /field-values/{}")
def _(a):
    made = a.field_values.create(FieldValueCreate(field_id=408, entity_id=5002, value="Looks at water."))
    assert (made.value, made.entity_id, made.updated_at) == ("Looks at water.", 5002, None)
    refused(ValidationError, "one value", lambda: a.field_values.create(FieldValueCreate(field_id=408, entity_id=5002, value="y")))
    changed = a.field_values.update(made.id, "Looks at numbers.")
    assert changed.value == "Looks at numbers." and changed.updated_at
    assert a.field_values.delete(made.id) is True
    fresh = a.field_values.create(FieldValueCreate(field_id=413, entity_id=2002, value="Rowing"))
    field = next(field for field in a.fields.list(skip_cache=True) if field.name == "Interests")
    assert fresh.value == "Rowing" and "Rowing" in {option.text for option in field.dropdown_options}


@check("field_value_changes.list, iter_all", "GET /field-value-changes")
def _(a):
    row = a.opportunities.get_details(7004).list_entries[0].id
    status = next(v for v in a.field_values.list(opportunity_id=7004) if number(v.field_id) == 401)
    a.field_values.update(status.id, 2202)
    changes = a.field_value_changes.list(STATUS, opportunity_id=7004)
    assert [change.action_type for change in changes] == [FieldValueChangeAction.UPDATE, FieldValueChangeAction.CREATE]
    assert changes[0].value["text"] == "Meeting" and changes[0].list_entry_id == row
    created = a.field_value_changes.list(STATUS, action_type=FieldValueChangeAction.CREATE, order_by="asc", limit=3)
    assert len(created) == 3 and created[0].id < created[2].id
    everything = [change.id for change in a.field_value_changes.iter_all(STATUS, changed_after=YEAR_AGO, page_size=2)]
    assert len(everything) == len(set(everything)) == len(a.field_value_changes.list(STATUS))
    refused(ValidationError, "historical tracking", lambda: a.field_value_changes.list("field-408"))


# Interactions and relationships


@check("interactions.list, iter", "GET /interactions")
def _(a):
    for kind in (InteractionType.MEETING, InteractionType.CALL, InteractionType.CHAT_MESSAGE, InteractionType.EMAIL):
        window = dict(type=kind, start_time=YEAR_AGO, end_time=NOW, company_id=ACME)
        page = a.interactions.list(**window, page_size=2)
        assert page.data and page.data[0].type == kind
        found = [interaction.id for interaction in a.interactions.iter(**window, page_size=2)]
        everything = a.interactions.list(**window).data
        assert found == [interaction.id for interaction in everything]
        dates = [interaction.date for interaction in everything]
        assert dates == sorted(dates, reverse=True)
    emails = a.interactions.list(type=InteractionType.EMAIL, start_time=YEAR_AGO, end_time=NOW, person_id=DANA).data
    assert emails and all(email.subject for email in emails)
    deal = a.interactions.list(type=InteractionType.EMAIL, start_time=YEAR_AGO, end_time=NOW, opportunity_id=ACME_B).data
    assert len(deal) >= len(emails)
    internal = dict(type=InteractionType.EMAIL, start_time=YEAR_AGO, end_time=NOW, person_id=ME)
    refused(ValidationError, "not an external", lambda: a.interactions.list(**internal))


@check("interactions.create, get, update, delete", "POST /interactions", "GET /interactions/{}", "PUT /interactions/{}", "DELETE /interactions/{}")
def _(a):
    kind = InteractionType.CHAT_MESSAGE
    made = a.interactions.create(InteractionCreate(
        type=kind, person_ids=[ME, DANA], content="See you Thursday", date=NOW - timedelta(hours=1),
        direction=InteractionDirection.OUTGOING,
    ))
    assert made.manual_creator_id == ME and len(made.notes) == 1 and made.direction == InteractionDirection.OUTGOING
    assert [person.id for person in a.interactions.get(made.id, kind).persons] == [ME, DANA]
    changed = a.interactions.update(made.id, kind, InteractionUpdate(content="Friday", date=NOW - timedelta(hours=2)))
    assert changed.date < made.date and changed.notes == made.notes
    notes = a.notes.list(person_id=DANA, creator_id=ME).data
    assert "Friday" in {note.content for note in notes}
    assert a.interactions.delete(made.id, kind) is True
    refused(ValidationError, "valid id", lambda: a.interactions.get(made.id, kind))
    alone = InteractionCreate(type=InteractionType.CALL, person_ids=[DANA], content="x", date=NOW)
    refused(ValidationError, "internal person", lambda: a.interactions.create(alone))
    email = InteractionCreate(type=InteractionType.EMAIL, person_ids=[ME], content="x", date=NOW)
    refused(ValidationError, "Field type", lambda: a.interactions.create(email))


@check("relationships.get", "GET /relationships-strengths")
def _(a):
    strengths = a.relationships.get(DANA)
    assert strengths and all(0 < s.strength < 1 and s.external_id == DANA for s in strengths)
    one = a.relationships.get(DANA, strengths[0].internal_id)
    assert len(one) == 1 and one[0].strength == strengths[0].strength


# Notes, reminders, files


@check("notes.list", "GET /notes")
def _(a):
    page = a.notes.list(company_id=ACME, page_size=2)
    assert len(page.data) == 2 and page.next_page_token
    rest = a.notes.list(company_id=ACME, page_size=2, page_token=page.next_page_token)
    assert {note.id for note in page.data}.isdisjoint(note.id for note in rest.data)
    assert all(ACME_B in note.opportunity_ids for note in a.notes.list(opportunity_id=ACME_B).data)
    other = lambda: a.notes.list(company_id=5002, page_size=2, page_token=page.next_page_token)
    refused(ValidationError, "Invalid page_token variable", other)


@check("reminders.update(type=…), delete after v2 refused", "PUT /reminders/{}", "DELETE /reminders/{}")
def _(a):
    recurring = ReminderUpdate(type=ReminderType.RECURRING, reset_type=ReminderResetType.EMAIL, reminder_days=30)
    changed = a.reminders.update(15001, recurring)
    assert (changed.type, changed.reminder_days, changed.company.id) == ("recurring", 30, ACME)
    assert a.reminders.delete(15001) is True


@check("files.list, get, all", "GET /entity-files", "GET /entity-files/{}")
def _(a):
    files = a.files.list(company_id=ACME).data
    assert [file.name for file in files] == ["acme-logo.png", "Acme Corp meeting notes.txt"]
    assert a.files.get(TEXT_FILE).company_id == ACME and a.files.get(TEXT_FILE).uploader_id == ME
    assert len(list(a.files.all(company_id=ACME))) == 2


@check("files.download, get_download_url, download_stream_with_info", "GET /entity-files/download/{}")
def _(a):
    assert a.files.download(TEXT_FILE).startswith(b"Acme Corp, first meeting.")
    assert a.files.download(43002).startswith(b"\x89PNG") and a.files.download(43003).startswith(b"%PDF")
    streamed = a.files.download_stream_with_info(TEXT_FILE)
    assert streamed.filename == "Acme Corp meeting notes.txt" and b"".join(streamed.iter_bytes)
    signed = a.files.get_download_url(TEXT_FILE).url
    assert httpx.get(signed).status_code == 200
    assert httpx.get(signed, headers={"Authorization": "Bearer sandbox"}).status_code == 400
    assert httpx.get(signed + "0").status_code == 403


@check("files.upload_bytes, upload_path, upload_returning_files", "POST /entity-files")
def _(a):
    assert a.files.upload_bytes(b"a,b\r\n1,2\r\n", "table é.csv", opportunity_id=7002) is True
    made = a.files.list(opportunity_id=7002).data[0]
    assert made.name == "table é.csv" and a.files.download(made.id) == b"a,b\r\n1,2\r\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "memo.txt")
        path.write_bytes(b"--\r\n\r\nmemo" * 1000)
        records = a.files.upload_path_returning_files(path, person_id=DANA)
        assert records[0].size == 10_000 and a.files.download(records[0].id) == path.read_bytes()


# What concerns every operation


@check("authentication: Basic and Bearer; a missing key", "GET /organizations")
def _(a):
    with Affinity(**options(URL, v1_auth_mode="basic", transport=Recorder())) as basic:
        assert basic.companies.search("acme").data
    answer = httpx.get(f"{URL}/organizations")
    assert (answer.status_code, answer.json()) == (401, ["Invalid API key"])


@check("rate_limits.snapshot", "GET /organizations")
def _(a):
    a.companies.search("acme")
    first = a.rate_limits.snapshot()
    a.companies.search("acme")
    second = a.rate_limits.snapshot()
    assert second.api_key_per_minute.remaining == first.api_key_per_minute.remaining - 1
    assert second.org_monthly.remaining == first.org_monthly.remaining - 1
    assert 0 < second.api_key_per_minute.reset_seconds <= 60


@check("AsyncAffinity: the meeting-preparation conversation", "GET /organizations", "GET /relationships-strengths", "GET /interactions")
def _(a):
    async def converse():
        async with AsyncAffinity(**options(URL, async_transport=AsyncRecorder())) as client:
            acme = (await client.companies.search("Acme Corp")).data[0]
            people = await client.companies.get_associated_person_ids(acme.id)
            strengths = await client.relationships.get(people[0])
            meetings = await client.interactions.list(
                type=InteractionType.MEETING, start_time=YEAR_AGO, end_time=NOW, company_id=acme.id, page_size=3,
            )
            return strengths, meetings.data
    strengths, meetings = asyncio.run(converse())
    assert strengths and len(meetings) == 3


# What the SDK 2.0.6 sends to v1, by its own tools/api_coverage.json.
EXPECTED = {
    "GET /entity-files", "POST /entity-files", "GET /entity-files/download/{}", "GET /entity-files/{}",
    "GET /field-value-changes", "GET /field-values", "POST /field-values", "DELETE /field-values/{}",
    "PUT /field-values/{}", "GET /fields", "POST /fields", "DELETE /fields/{}", "GET /interactions", "POST /interactions",
    "DELETE /interactions/{}", "GET /interactions/{}", "PUT /interactions/{}", "POST /lists", "GET /lists/{}",
    "POST /lists/{}/list-entries", "DELETE /lists/{}/list-entries/{}", "GET /notes", "GET /opportunities",
    "POST /opportunities", "DELETE /opportunities/{}", "GET /opportunities/{}", "PUT /opportunities/{}",
    "GET /organizations", "POST /organizations", "DELETE /organizations/{}", "GET /organizations/{}",
    "PUT /organizations/{}", "GET /persons", "POST /persons", "DELETE /persons/{}", "GET /persons/{}", "PUT /persons/{}",
    "GET /relationships-strengths", "DELETE /reminders/{}", "PUT /reminders/{}",
}


def main():
    passed = failed = 0
    seen = set()
    with Affinity(**options(URL, transport=Recorder())) as client:
        for function, operations, body in CHECKS:
            SENT.clear()
            try:
                body(client)
                missing = set(operations) - SENT
                assert not missing, f"not sent: {missing}"
                passed += 1
            except Exception:
                failed += 1
                print(f"FAILED {function}: {', '.join(operations)}")
                traceback.print_exc()
            seen |= SENT
    if EXPECTED - seen:
        failed += 1
        print(f"FAILED operations that nothing sent: {sorted(EXPECTED - seen)}")
    print(f"{len(EXPECTED & seen)} of {len(EXPECTED)} operations sent")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: run.py BASE_URL")
    URL = sys.argv[1].rstrip("/")
    sys.exit(main())
