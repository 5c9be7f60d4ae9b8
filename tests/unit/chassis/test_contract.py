"""What a contract must declare before it is served, and who it lets call."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from lensmesh.options.v1 import options_pb2

from chassis import contract
from chassis.contract import ROLES, ContractError, MethodContract
from chassis.errors import NotAllowed, NotFound
from chassis.identity import Principal, authorize

_PROTO = Path(__file__).parents[3] / "proto"
_STRING, _INT64, _MESSAGE = 9, 3, 11
_ONE, _MANY = 1, 3

Declare = Callable[[descriptor_pb2.MethodDescriptorProto, options_pb2.Policy], None]


def service_of(**methods: Declare) -> ServiceDescriptor:
    """Returns a service with these methods, each sound but for what its function changes."""
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test.v1", syntax="proto3")
    file.dependency.append(options_pb2.DESCRIPTOR.name)
    inner = file.message_type.add(name="Thing")
    inner.field.add(name="name", number=1, type=_STRING, label=_ONE)
    inner.field.add(name="size", number=2, type=_INT64, label=_ONE)
    request = file.message_type.add(name="Request")
    request.field.add(name="parent", number=1, type=_STRING, label=_ONE)
    request.field.add(name="names", number=2, type=_STRING, label=_MANY)
    request.field.add(name="thing", number=3, type=_MESSAGE, type_name=".test.v1.Thing", label=_ONE)
    request.field.add(name="things", number=4, type=_MESSAGE, type_name=".test.v1.Thing", label=_MANY)
    service = file.service.add(name="TestService")
    for name, declare in methods.items():
        method = service.method.add(name=name, input_type=".test.v1.Request", output_type=".test.v1.Thing")
        policy = method.options.Extensions[options_pb2.policy]
        policy.roles.append(options_pb2.ROLE_OPTICIAN)
        policy.deadline.seconds = 2
        declare(method, policy)
    pool = descriptor_pool.DescriptorPool()
    for needed in _with_dependencies(options_pb2.DESCRIPTOR):
        pool.AddSerializedFile(needed)
    pool.AddSerializedFile(file.SerializeToString())
    found: ServiceDescriptor = pool.FindServiceByName("test.v1.TestService")
    return found


def _with_dependencies(file: object) -> list[bytes]:
    before = [each for dependency in file.dependencies for each in _with_dependencies(dependency)]  # type: ignore[attr-defined]
    return [*dict.fromkeys(before), file.serialized_pb]  # type: ignore[attr-defined]


def read(service: ServiceDescriptor) -> dict[str, MethodContract]:
    """Returns the contract of a service of this test."""
    return contract.read({service.full_name: service})


def sound(_method: descriptor_pb2.MethodDescriptorProto, _policy: options_pb2.Policy) -> None:
    """Changes nothing."""


def without_policy(method: descriptor_pb2.MethodDescriptorProto, _policy: options_pb2.Policy) -> None:
    """Forgets the policy."""
    method.options.ClearExtension(options_pb2.policy)


def without_deadline(_method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
    """Forgets the deadline."""
    policy.ClearField("deadline")


def late_before_it_begins(_method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
    """Allows less than no time."""
    policy.deadline.seconds = -1


def for_nobody(_method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
    """Forgets who may call."""
    policy.ClearField("roles")


def for_no_role_that_exists(_method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
    """Lets those call that no token can name."""
    policy.roles[0] = options_pb2.ROLE_UNSPECIFIED


def streaming_requests(method: descriptor_pb2.MethodDescriptorProto, _policy: options_pb2.Policy) -> None:
    """Takes a stream."""
    method.client_streaming = True


def of_tenant(field: str) -> Declare:
    """Names a field as the tenant's."""

    def declare(_method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
        policy.tenant_field = field

    return declare


def test_a_sound_contract_is_read_as_it_is_written() -> None:
    """Every part of it."""

    def declare(method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
        policy.callers.append("lims")
        policy.tenant_field = "thing.name"
        method.server_streaming = False

    service = service_of(Get=declare)
    (method,) = read(service).values()
    assert method.name == "/test.v1.TestService/Get"
    assert (method.roles, method.callers, method.public) == ({"optician"}, {"lims"}, False)
    assert (method.deadline_seconds, method.streaming) == (2.0, False)
    assert method.tenant_of is not None
    request = GetMessageClass(service.methods[0].input_type)()
    request.thing.name = "practices/demo/orders/1"
    assert method.tenant_of(request) == "practices/demo"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (without_policy, "it declares no policy"),
        (without_deadline, "it is unary and declares no deadline"),
        (late_before_it_begins, "it is unary and declares no deadline"),
        (for_nobody, "its policy lets nobody call it"),
        (for_no_role_that_exists, "its policy lets nobody call it"),
        (streaming_requests, "it takes a stream of requests"),
        *((of_tenant(field), f"no string field '{field}'") for field in ("nothing", "thing.nothing", "thing.name.x")),
        *(
            (of_tenant(field), f"no string field '{field}'")
            for field in ("thing", "thing.size", "names", "things.name")
        ),
    ],
)
def test_an_unsound_rpc_is_refused_by_name(fault: Declare, said: str) -> None:
    """And says what it lacks."""
    with pytest.raises(ContractError, match=r"test\.v1\.TestService\.Bad: ") as error:
        read(service_of(Good=sound, Bad=fault))
    assert said in str(error.value)
    assert "Good" not in str(error.value)


def test_every_unsound_rpc_is_listed_with_every_fault() -> None:
    """Whoever mends it sees all of it at once."""

    def everything(method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
        streaming_requests(method, policy)
        for_nobody(method, policy)
        without_deadline(method, policy)
        policy.tenant_field = "nothing"

    with pytest.raises(ContractError) as error:
        read(service_of(One=without_policy, Two=everything, Three=sound))
    heading, *faults = str(error.value).splitlines()
    assert heading == "these RPCs cannot be served:"
    assert [fault.strip().partition(": ")[0].rpartition(".")[2] for fault in faults] == ["One", *["Two"] * 4]


def test_a_stream_needs_no_deadline() -> None:
    """It ends by itself."""

    def stream(method: descriptor_pb2.MethodDescriptorProto, policy: options_pb2.Policy) -> None:
        method.server_streaming = True
        without_deadline(method, policy)

    (method,) = read(service_of(Watch=stream)).values()
    assert method.streaming
    assert method.deadline_seconds is None


def our_services() -> Iterator[ServiceDescriptor]:
    """Yields every service of our contracts."""
    for file in sorted(_PROTO.glob("lensmesh/*/v1/*_service.proto")):
        module = importlib.import_module(".".join(file.relative_to(_PROTO).with_suffix("").parts) + "_pb2")
        yield from module.DESCRIPTOR.services_by_name.values()


OURS = {service.full_name: service for service in our_services()}
METHODS = sorted(contract.read(OURS).values(), key=lambda method: method.name)
INPUTS = {f"/{service.full_name}/{each.name}": each.input_type for service in OURS.values() for each in service.methods}
POLICIES = {
    f"/{service.full_name}/{each.name}": each.GetOptions().Extensions[options_pb2.policy]
    for service in OURS.values()
    for each in service.methods
}


def test_every_rpc_of_ours_can_be_served() -> None:
    """All of them, each once."""
    assert len(OURS) >= 3
    assert [method.name for method in METHODS] == sorted(INPUTS)


def request_of(name: str, tenant: str) -> Message:
    """Returns a request of an RPC whose tenant field names something of the tenant."""
    request: Message = GetMessageClass(INPUTS[name])()
    *path, last = POLICIES[name].tenant_field.split(".")
    holder = request
    for step in path:
        holder = getattr(holder, step)
    setattr(holder, last, f"{tenant}/orders/1" if tenant else "")
    return request


TENANTS = ["practices/demo", "practices/demo2", "practices", "labs/main", ""]
CALLERS = sorted({caller for policy in POLICIES.values() for caller in policy.callers} | {"lims", "billing"})
PEOPLE = st.builds(
    Principal,
    subject=st.just("users/somebody"),
    roles=st.frozensets(st.sampled_from(sorted(ROLES))),
    practice=st.sampled_from(TENANTS),
)
SERVICES = st.builds(
    Principal,
    subject=st.just("services/some"),
    roles=st.frozensets(st.sampled_from(sorted(ROLES))),
    service=st.sampled_from(CALLERS),
)


def verdict(method: MethodContract, principal: Principal, tenant: str) -> type[Exception] | None:
    """Returns how the chassis decides."""
    asked = method.tenant_of(request_of(method.name, tenant)) if method.tenant_of else None
    try:
        authorize(method, principal, asked)
    except (NotAllowed, NotFound) as refusal:
        return type(refusal)
    return None


def oracle(name: str, principal: Principal, tenant: str) -> type[Exception] | None:
    """Returns how the policy in the proto decides, read from its text without the chassis."""
    policy = POLICIES[name]
    if policy.public:
        return None
    if principal.service:
        return None if principal.service in policy.callers else NotAllowed
    spelled = {options_pb2.Role.Name(role) for role in policy.roles}
    if not any(f"ROLE_{role.upper()}" in spelled for role in principal.roles):
        return NotAllowed
    if policy.tenant_field and not (tenant and tenant == principal.practice and "/" in tenant):
        return NotFound
    return None


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=25)  # of each RPC; single roles and services are tried exhaustively below
@given(principal=PEOPLE | SERVICES, tenant=st.sampled_from(TENANTS))
def test_an_rpc_admits_exactly_whom_its_policy_names(method: MethodContract, principal: Principal, tenant: str) -> None:
    """Over roles, services and tenants."""
    assert verdict(method, principal, tenant) is oracle(method.name, principal, tenant)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_one_role_in_its_own_practice_and_in_another(method: MethodContract, role: str) -> None:
    """Every RPC with every role and tenant, none left to chance."""
    person = Principal("users/somebody", frozenset({role}), practice="practices/demo")
    for tenant in TENANTS:
        assert verdict(method, person, tenant) is oracle(method.name, person, tenant)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_one_service_for_every_tenant(method: MethodContract, caller: str) -> None:
    """A service acts for all of them, where it may act at all."""
    service = Principal(f"services/{caller}", service=caller)
    for tenant in TENANTS:
        assert verdict(method, service, tenant) is oracle(method.name, service, tenant)


@pytest.mark.parametrize(
    ("resource", "tenant"),
    [
        ("practices/demo/orders/1", "practices/demo"),
        ("practices/demo", "practices/demo"),
        ("practices/demo2/orders/1", "practices/demo2"),
        ("practices", "practices"),
        ("", ""),
    ],
)
def test_a_tenant_is_the_first_two_segments(resource: str, tenant: str) -> None:
    """No more, no less."""
    assert contract.tenant(resource) == tenant
