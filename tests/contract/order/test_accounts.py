"""Accounts: which customer number of the lab is whose, who may say so, and what a lab file's account does."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from lensmesh.order.v1 import account_service_pb2 as accounts_rpc
from lensmesh.order.v1 import order_pb2
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.account_pb2 import Account
from lensmesh.order.v1.account_service_pb2_grpc import AccountServiceStub
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, SEVERITY_WARNING

from runtime.postgres import Server
from tests.conftest import Serve
from tests.contract.order.practice import Practice
from tests.support.calls import bearer, refusal
from tests.support.orders import makeable
from tests.support.processes import Process

LAB = "labs/main"
SAMPLE = (Path(__file__).resolve().parents[3] / "samples" / "progressive-job.oma").read_bytes()

Stub = Any
NewPractice = Callable[[], Practice]


class Floor:
    """Somebody at the lab who keeps its accounts."""

    def __init__(self, stub: Stub, token: str) -> None:
        self.stub = stub
        self.token = token

    def call(self, method: str, request: Any) -> Any:  # noqa: ANN401 -- messages of any RPC
        """Calls and returns the answer."""
        return getattr(self.stub, method)(request, metadata=bearer(self.token), timeout=20)

    def give(self, number: str, practice: str, *, is_default: bool = False) -> Account:
        """Gives an account."""
        account = Account(name=f"{LAB}/accounts/{number}", practice=practice, is_default=is_default)
        given: Account = self.call("SetAccount", accounts_rpc.SetAccountRequest(account=account))
        return given


@pytest.fixture(scope="module")
def account_stub(grpc_channel: grpc.Channel) -> AccountServiceStub:
    """The client of the accounts."""
    return AccountServiceStub(grpc_channel)


@pytest.fixture(scope="module")
def floor(account_stub: AccountServiceStub, operator: str) -> Floor:
    """An operator of the lab."""
    return Floor(account_stub, operator)


@pytest.fixture
def new_practice(grpc_stub: Stub, keys: Any) -> NewPractice:  # noqa: ANN401 -- a fixture of the suite
    """Makes a practice that nobody has heard of."""

    def make() -> Practice:
        parent = f"practices/p-{uuid.uuid4().hex[:12]}"
        return Practice(grpc_stub, keys.token(roles=("optician",), practice=parent), parent)

    return make


def number() -> str:
    """Returns a customer number that nobody has."""
    return f"N{uuid.uuid4().hex[:12]}"


def file_of(account: str) -> bytes:
    """Returns a lab file for an account."""
    return SAMPLE.replace(b"ACCN=100200", f"ACCN={account}".encode())


def imported(practice: Practice, file: bytes, **more: str) -> rpc.ImportOrderResponse:
    """Imports a file as a practice."""
    request = rpc.ImportOrderRequest(parent=practice.parent, file={"data": file}, **more)
    answer: rpc.ImportOrderResponse = practice.call("ImportOrder", request)
    return answer


def own(account_stub: Stub, practice: Practice) -> list[tuple[str, bool]]:
    """Returns a practice's accounts as it sees them: number, and whether it is the usual one."""
    request = accounts_rpc.ListPracticeAccountsRequest(parent=practice.parent)
    answer = account_stub.ListPracticeAccounts(request, metadata=bearer(practice.token))
    return [(each.name.rpartition("/")[2], each.is_default) for each in answer.accounts]


# -- giving them


def test_the_first_account_is_the_usual_one_and_another_can_take_its_place(
    floor: Floor, account_stub: Stub, new_practice: NewPractice
) -> None:
    """A practice with accounts has exactly one usual one, whatever is set in which order and how often."""
    practice, first, second = new_practice(), *sorted((number(), number()))
    assert floor.give(first, practice.parent).is_default
    assert not floor.give(second, practice.parent).is_default
    assert own(account_stub, practice) == [(first, True), (second, False)]
    moved = floor.give(second, practice.parent, is_default=True)
    assert floor.give(second, practice.parent, is_default=True) == moved
    assert floor.give(second, practice.parent) == moved, "that it is not asked for takes nothing away"
    assert own(account_stub, practice) == [(first, False), (second, True)]


def test_an_account_belongs_to_one_practice(floor: Floor, new_practice: NewPractice) -> None:
    """Given to a second one it is refused, and the lab learns whose it is."""
    one, other, given = new_practice(), new_practice(), number()
    floor.give(given, one.parent)
    request = accounts_rpc.SetAccountRequest(account={"name": f"{LAB}/accounts/{given}", "practice": other.parent})
    refused = refusal(floor.stub.SetAccount, request, floor.token)
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ACCOUNT_TAKEN")
    assert refused.metadata["practice"] == one.parent


def test_of_many_who_make_accounts_the_usual_one_at_once_one_is_last(
    floor: Floor, account_stub: Stub, new_practice: NewPractice
) -> None:
    """There is exactly one afterwards."""
    practice, numbers = new_practice(), [number() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: floor.give(each, practice.parent, is_default=True), numbers))
    kept = own(account_stub, practice)
    assert sorted(numbers) == [each for each, _ in kept]
    assert [usual for _, usual in kept].count(True) == 1


def test_the_usual_account_is_taken_away_last(floor: Floor, account_stub: Stub, new_practice: NewPractice) -> None:
    """As long as there are others, one of them has to become the usual one first."""
    practice, first, second = new_practice(), number(), number()
    floor.give(first, practice.parent)
    floor.give(second, practice.parent)
    request = accounts_rpc.DeleteAccountRequest(name=f"{LAB}/accounts/{first}")
    refused = refusal(floor.stub.DeleteAccount, request, floor.token)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ACCOUNT_IS_DEFAULT")
    floor.give(second, practice.parent, is_default=True)
    floor.call("DeleteAccount", request)
    assert own(account_stub, practice) == [(second, True)]
    floor.call("DeleteAccount", accounts_rpc.DeleteAccountRequest(name=f"{LAB}/accounts/{second}"))
    assert own(account_stub, practice) == []
    again = refusal(floor.stub.DeleteAccount, request, floor.token)
    assert (again.code, again.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


def test_the_labs_list_is_complete_whatever_the_page_size(floor: Floor, new_practice: NewPractice) -> None:
    """Of one practice, or of all, by number."""
    practice, numbers = new_practice(), sorted(number() for _ in range(5))
    for each in numbers:
        floor.give(each, practice.parent)
    seen: list[str] = []
    request = accounts_rpc.ListAccountsRequest(parent=LAB, practice=practice.parent, page_size=2)
    while True:
        page = floor.call("ListAccounts", request)
        seen += [account.name.rpartition("/")[2] for account in page.accounts]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == numbers
    everybodys = floor.call("ListAccounts", accounts_rpc.ListAccountsRequest(parent=LAB, page_size=500))
    names = [account.name for account in everybodys.accounts]
    assert names == sorted(names)
    assert {f"{LAB}/accounts/{each}" for each in numbers} <= set(names)


LABS = [
    ("SetAccount", accounts_rpc.SetAccountRequest(account={"name": "labs/x/accounts/1", "practice": "practices/demo"})),
    ("DeleteAccount", accounts_rpc.DeleteAccountRequest(name="labs/x/accounts/1")),
    ("ListAccounts", accounts_rpc.ListAccountsRequest(parent="labs/x")),
    ("ImportOrderByAccount", accounts_rpc.ImportOrderByAccountRequest(parent="labs/x", file={"data": SAMPLE})),
]
PRACTICES = [("ListPracticeAccounts", accounts_rpc.ListPracticeAccountsRequest(parent="practices/demo"))]


def test_the_tables_know_every_rpc() -> None:
    """A new RPC cannot be forgotten here."""
    service = accounts_rpc.DESCRIPTOR.services_by_name["AccountService"]
    assert {method for method, _ in LABS + PRACTICES} == {method.name for method in service.methods}


@pytest.mark.parametrize(("method", "request_"), LABS)
def test_another_lab_is_unknown(floor: Floor, method: str, request_: Any) -> None:  # noqa: ANN401
    """The mesh orders from one."""
    refused = refusal(getattr(floor.stub, method), request_, floor.token)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "LAB_UNKNOWN")


@pytest.mark.parametrize(("method", "request_"), LABS)
def test_what_the_lab_keeps_is_not_the_practices(account_stub: Stub, optician: str, method: str, request_: Any) -> None:  # noqa: ANN401
    """Not to write, not to list, and no file comes in by it."""
    refused = refusal(getattr(account_stub, method), request_, optician)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize(("method", "request_"), PRACTICES)
def test_a_practice_lists_its_own_accounts_only(
    account_stub: Stub,
    stranger: str,
    operator: str,
    method: str,
    request_: Any,  # noqa: ANN401
) -> None:
    """For another practice there is no such list; the lab has its own."""
    refused = refusal(getattr(account_stub, method), request_, stranger)
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    refused = refusal(getattr(account_stub, method), request_, operator)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize(("method", "request_"), LABS + PRACTICES)
def test_without_a_token_nothing_is_done(account_stub: Stub, method: str, request_: Any) -> None:  # noqa: ANN401
    """Every RPC asks who calls."""
    refused = refusal(getattr(account_stub, method), request_, None)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("account", "field"),
    [
        (Account(practice="practices/demo"), "request"),
        (Account(name=f"{LAB}/accounts/1 2", practice="practices/demo"), "account.name"),
        (Account(name=f"{LAB}/accounts/{'1' * 33}", practice="practices/demo"), "account.name"),
        (Account(name=f"{LAB}/accounts/1"), "account.practice"),
        (Account(name=f"{LAB}/accounts/1", practice="demo"), "account.practice"),
    ],
)
def test_an_account_that_breaks_its_bounds_is_refused_at_its_field(floor: Floor, account: Account, field: str) -> None:
    """What is no customer number, or no practice."""
    refused = refusal(floor.stub.SetAccount, accounts_rpc.SetAccountRequest(account=account), floor.token)
    assert (refused.code, refused.reason, refused.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        (field,),
    )


# -- files


def test_a_files_own_account_is_the_orders(floor: Floor, new_practice: NewPractice) -> None:
    """Also when it is not the usual one."""
    practice, usual, other = new_practice(), number(), number()
    floor.give(usual, practice.parent)
    floor.give(other, practice.parent)
    drafted = imported(practice, file_of(other)).order
    assert drafted.account == other
    assert "account" not in {violation.field for violation in drafted.violations}
    assert practice.get(drafted.name).account == other


@pytest.mark.parametrize("given", ["999999", "no number", "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 40, "another's"])
def test_an_account_that_is_not_the_practices_is_a_warning(floor: Floor, new_practice: NewPractice, given: str) -> None:
    """The order is made under the usual account and says so; that a number is another practice's is not told apart."""
    practice = new_practice()
    if given == "another's":
        floor.give(given := number(), new_practice().parent)
    drafted = imported(practice, file_of(given)).order
    assert drafted.account == ""
    (said,) = [violation for violation in drafted.violations if violation.field == "account"]
    assert (said.code, said.severity) == ("UNKNOWN_ACCOUNT", SEVERITY_WARNING)
    assert said.message.startswith(f"ACCN={given!r} is none of this practice's accounts")


def test_the_lab_imports_for_whoever_has_the_account(floor: Floor, new_practice: NewPractice) -> None:
    """Once, as if the practice had; the order is the practice's, and not the lab's to read."""
    practice, given = new_practice(), number()
    floor.give(given, practice.parent)
    request = accounts_rpc.ImportOrderByAccountRequest(
        parent=LAB, file={"data": file_of(given)}, request_id=str(uuid.uuid4())
    )
    answer = floor.call("ImportOrderByAccount", request)
    assert answer.order.name.startswith(f"{practice.parent}/orders/")
    assert floor.call("ImportOrderByAccount", request) == answer
    (listed,) = practice.call("ListOrders", rpc.ListOrdersRequest(parent=practice.parent)).orders
    assert (listed.name, listed.account, listed.state) == (answer.order.name, given, order_pb2.Order.STATE_DRAFT)
    refused = refusal(practice.stub.GetOrder, rpc.GetOrderRequest(name=listed.name), floor.token)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize(
    "file", [file_of("nobodys"), SAMPLE.replace(b"ACCN=100200\r\n", b"").replace(b"ACCN=100200\n", b"")]
)
def test_the_lab_imports_nothing_for_nobody(floor: Floor, file: bytes) -> None:
    """An account that no practice has, or none at all."""
    request = accounts_rpc.ImportOrderByAccountRequest(parent=LAB, file={"data": file})
    refused = refusal(floor.stub.ImportOrderByAccount, request, floor.token)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ACCOUNT_UNKNOWN")


# -- orders


@pytest.fixture
def with_accounts(floor: Floor, new_practice: NewPractice) -> tuple[Practice, str, str]:
    """A practice with two accounts: it, the usual one, the other."""
    practice, usual, other = new_practice(), number(), number()
    floor.give(usual, practice.parent)
    floor.give(other, practice.parent)
    return practice, usual, other


def test_an_order_names_an_account_of_its_practice_or_none(with_accounts: tuple[Practice, str, str]) -> None:
    """One that is another's, or nobody's, is refused at its field, in the same words."""
    practice, usual, other = with_accounts
    drafted = practice.create(account=other)
    assert drafted.account == other
    assert practice.create().account == ""
    patch = order_pb2.Order(name=drafted.name, account=usual)
    assert practice.call("UpdateOrder", rpc.UpdateOrderRequest(order=patch)).account == usual
    cleared = rpc.UpdateOrderRequest(order={"name": drafted.name}, update_mask=FieldMask(paths=["account"]))
    assert practice.call("UpdateOrder", cleared).account == ""


@pytest.fixture
def partner(floor: Floor, new_practice: NewPractice) -> Iterator[Practice]:
    """A practice whose usual account has a price list of its own."""
    practice = new_practice()
    floor.give("100200", practice.parent)
    yield practice
    floor.give(number(), practice.parent, is_default=True)
    floor.call("DeleteAccount", accounts_rpc.DeleteAccountRequest(name=f"{LAB}/accounts/100200"))


def test_the_account_decides_the_price_list(floor: Floor, partner: Practice, new_practice: NewPractice) -> None:
    """That which the order names, else the practice's usual one; without any it is the list of everybody."""

    def price(practice: Practice, **changes: str) -> tuple[str, int]:
        drafted = practice.create(**changes)
        price = practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=drafted.name)).quote.price
        sent = practice.submit(drafted.name).quote.price
        assert sent == price
        return price.list, price.total.minor_units

    floor.give(other := number(), partner.parent)
    usual, standard = price(partner), price(new_practice())
    assert (usual[0], standard[0]) == ("partner", "standard")
    assert usual[1] < standard[1]
    assert price(partner, account="100200") == usual
    assert price(partner, account=other) == standard


def test_an_account_of_another_practice_is_refused_like_nobodys(
    with_accounts: tuple[Practice, str, str], new_practice: NewPractice
) -> None:
    """So a practice cannot find out which numbers there are."""
    _, usual, _ = with_accounts
    stranger = new_practice()
    drafted = stranger.create()
    told = set()
    for foreign in (usual, number()):
        for method, request in (
            ("CreateOrder", rpc.CreateOrderRequest(parent=stranger.parent, order=makeable(account=foreign))),
            ("UpdateOrder", rpc.UpdateOrderRequest(order={"name": drafted.name, "account": foreign})),
        ):
            refused = refusal(getattr(stranger.stub, method), request, stranger.token)
            assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
            assert refused.fields == ("order.account",)
            told.add(refused.message)
    assert len(told) == 1


def test_an_order_whose_account_was_taken_away_is_not_submitted(
    floor: Floor, with_accounts: tuple[Practice, str, str]
) -> None:
    """It is said at its field, by the validation as by the submit; with another account it goes through."""
    practice, usual, other = with_accounts
    drafted = practice.create(account=other)
    floor.call("DeleteAccount", accounts_rpc.DeleteAccountRequest(name=f"{LAB}/accounts/{other}"))
    answer = practice.call("ValidateOrder", rpc.ValidateOrderRequest(name=drafted.name))
    assert not answer.accepted
    assert [(each.field, each.severity, list(each.alternatives)) for each in answer.violations] == [
        ("account", SEVERITY_ERROR, [usual])
    ]
    refused = refusal(practice.stub.SubmitOrder, rpc.SubmitOrderRequest(name=drafted.name), practice.token)
    assert (refused.reason, refused.violations) == ("NOT_MAKEABLE", ("account",))
    assert [each.field for each in practice.get(drafted.name).violations] == ["account"]
    practice.call("UpdateOrder", rpc.UpdateOrderRequest(order={"name": drafted.name, "account": usual}))
    assert practice.submit(drafted.name).state == order_pb2.Order.STATE_SENT_TO_LAB


# -- what the database itself guards


async def rows_of(url: str, tenant: str, statement: str) -> list[asyncpg.Record]:
    """Runs a statement as the service's role, bound to a tenant."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('lensmesh.tenant', $1, true)", tenant)
            return await connection.fetch(statement)
    finally:
        await connection.close()


async def test_a_practice_sees_its_own_rows_and_the_lab_those_it_gave(
    postgres: Server, with_accounts: tuple[Practice, str, str], new_practice: NewPractice
) -> None:
    """Whatever a statement asks for."""
    practice, usual, other = with_accounts
    url, everything = postgres.url("order", "order_service"), "select number from account"
    assert {row["number"] for row in await rows_of(url, practice.parent, everything)} == {usual, other}
    assert await rows_of(url, new_practice().parent, everything) == []
    assert await rows_of(url, "", everything) == []
    assert {usual, other} <= {row["number"] for row in await rows_of(url, LAB, everything)}
    assert await rows_of(url, "labs/other", everything) == []


@pytest.mark.parametrize(
    "statement",
    [
        "insert into account (lab, number, tenant, is_default) values ('labs/main', 'mine', '{practice}', false)",
        "update account set is_default = true",
        "update account set tenant = '{practice}'",
    ],
)
async def test_a_practice_gives_itself_no_account(
    postgres: Server, with_accounts: tuple[Practice, str, str], statement: str
) -> None:
    """The lab alone writes."""
    practice, *_ = with_accounts
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows_of(
            postgres.url("order", "order_service"), practice.parent, statement.format(practice=practice.parent)
        )


def test_the_first_accounts_are_for_a_lab_that_has_given_none(
    serve: Serve, lims: Process, floor: Floor, new_practice: NewPractice
) -> None:
    """A restart brings none of them back."""
    floor.give(number(), new_practice().parent)
    first = f"{number()}=practices/first"
    with serve("order", LENSMESH_LIMS_TARGET=lims.address, LENSMESH_FIRST_ACCOUNTS=first):
        request = accounts_rpc.ListAccountsRequest(parent=LAB, practice="practices/first")
        assert not floor.call("ListAccounts", request).accounts
