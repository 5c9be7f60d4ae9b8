"""The contract as the chassis reads it: for each RPC of a service, what its proto declares.

Read once from the compiled descriptors, checked, and never again on a call's path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from lensmesh.options.v1 import options_pb2

TENANT_SEGMENTS = 2  # "practices/demo" of "practices/demo/orders/…"


class ContractError(Exception):
    """A service's contract lacks what the mesh needs to serve it; the message lists every RPC and what it lacks."""


@dataclass(frozen=True, slots=True)
class MethodContract:
    """What one RPC declares.

    Attributes:
        name: Full name as on the wire, ``/lensmesh.order.v1.OrderService/GetOrder``.
        roles: The roles that may call it, as tokens spell them.
        callers: The services that may call it.
        public: Whether it needs no token.
        deadline_seconds: How long a call may take; None for streams.
        streaming: Whether it answers with a stream.
        tenant_of: Reads the tenant (``practices/demo``) a request belongs to; None where the RPC has no tenant.
    """

    name: str
    roles: frozenset[str]
    callers: frozenset[str]
    public: bool
    deadline_seconds: float | None
    streaming: bool
    tenant_of: Callable[[Message], str] | None


def role_name(role: options_pb2.Role.ValueType) -> str:
    """Returns a role as tokens spell it (``optician``)."""
    return options_pb2.Role.Name(role).removeprefix("ROLE_").lower()


ROLES: frozenset[str] = frozenset(role_name(role) for role in options_pb2.Role.values() if role)


def tenant(resource: str) -> str:
    """Returns the tenant a resource name begins with (``practices/demo/orders/1`` → ``practices/demo``)."""
    return "/".join(resource.split("/", TENANT_SEGMENTS)[:TENANT_SEGMENTS])


def read(services: Mapping[str, ServiceDescriptor]) -> dict[str, MethodContract]:
    """Returns the contract of every RPC of the services, by wire name.

    Raises:
        ContractError: An RPC has no policy, nobody may call it, a unary one has no deadline, it takes a stream of
            requests, or its tenant field does not exist.
    """
    contracts: dict[str, MethodContract] = {}
    faults: list[str] = []
    for service in services.values():
        for method in service.methods:
            found = list(_faults(method))
            faults += [f"{method.full_name}: {fault}" for fault in found]
            if not found:
                contract = _method(method)
                contracts[contract.name] = contract
    if faults:
        raise ContractError("these RPCs cannot be served:\n  " + "\n  ".join(faults))
    return contracts


def _policy(method: MethodDescriptor) -> options_pb2.Policy:
    return method.GetOptions().Extensions[options_pb2.policy]


def _faults(method: MethodDescriptor) -> list[str]:
    if not method.GetOptions().HasExtension(options_pb2.policy):
        return ["it declares no policy"]
    policy = _policy(method)
    faults = []
    if not (policy.public or any(policy.roles) or policy.callers):
        faults.append("its policy lets nobody call it")
    if not method.server_streaming and policy.deadline.ToMilliseconds() <= 0:
        faults.append("it is unary and declares no deadline")
    if method.client_streaming:
        faults.append("it takes a stream of requests, which the mesh does not carry")
    if policy.tenant_field and not _path(method.input_type, policy.tenant_field):
        faults.append(f"its request has no string field {policy.tenant_field!r}")
    return faults


def _path(message: Descriptor, dotted: str) -> tuple[str, ...] | None:
    """Returns the field names of a dotted path to a string, or None where there is no such path."""
    names = tuple(dotted.split("."))
    current: Descriptor | None = message
    for name in names:
        field: FieldDescriptor | None = current.fields_by_name.get(name) if current else None
        if field is None or field.is_repeated:
            return None
        current = field.message_type
    return names if field is not None and field.type == FieldDescriptor.TYPE_STRING else None


def _method(method: MethodDescriptor) -> MethodContract:
    policy = _policy(method)
    path = _path(method.input_type, policy.tenant_field) if policy.tenant_field else None
    return MethodContract(
        name=f"/{method.containing_service.full_name}/{method.name}",
        roles=frozenset(role_name(role) for role in policy.roles),
        callers=frozenset(policy.callers),
        public=policy.public,
        deadline_seconds=policy.deadline.ToMilliseconds() / 1000 or None,
        streaming=method.server_streaming,
        tenant_of=_tenant_reader(path) if path else None,
    )


def _tenant_reader(path: tuple[str, ...]) -> Callable[[Message], str]:
    def read_tenant(request: Message) -> str:
        value = request
        for name in path:
            value = getattr(value, name)
        return tenant(str(value))

    return read_tenant
