"""What the contracts say about each RPC, as far as the edge must know it.

The descriptor image is the only source: who may call (`lensmesh.options.v1.policy`), how it looks in REST
(`google.api.http`), how long it may take. An RPC that says too little to be guarded is no RPC to the edge: reading it
fails, so that a forgotten policy stops the build and never opens a door.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2
from lensmesh.options.v1 import options_pb2

PACKAGE_ROOT = "lensmesh"


class ContractError(ValueError):
    """The image lacks something without which an RPC cannot be served at the edge; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to call an RPC in REST."""

    verb: str
    """HTTP method, in capitals."""
    template: str
    """Path template in the grammar of google/api/http.proto (`/v1/{name=practices/*}:verb`)."""
    body: str
    """Field of the request that the HTTP body fills; `*` is the whole request, empty is no body."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call an RPC and how long it may take, as `lensmesh.options.v1.Policy` words it."""

    roles: tuple[str, ...]
    callers: tuple[str, ...]
    tenant_field: str
    public: bool
    deadline: timedelta | None

    @property
    def admits_people(self) -> bool:
        """True when a person, or anybody, may call it; false for what only services may call."""
        return self.public or bool(self.roles)


@dataclass(frozen=True, slots=True)
class Rpc:
    """One method of one service."""

    service: str
    """Full name of its service (`lensmesh.order.v1.OrderService`)."""
    method: str
    request: str
    """Full name of the request message."""
    response: str
    """Full name of the response message."""
    server_streaming: bool
    bindings: tuple[Binding, ...]
    policy: Policy

    @property
    def path(self) -> str:
        """The path of a native gRPC call."""
        return f"/{self.service}/{self.method}"

    @property
    def upstream(self) -> str:
        """Name of the service that serves it: the package segment after the root (`order`)."""
        return self.service.split(".")[1]


def read_image(image: bytes) -> descriptor_pb2.FileDescriptorSet:
    """Parse a descriptor image, without comments: the edge needs none, and they are two thirds of it."""
    files = descriptor_pb2.FileDescriptorSet.FromString(image)
    for file in files.file:
        file.ClearField("source_code_info")
    return files


def read_rpcs(files: descriptor_pb2.FileDescriptorSet) -> tuple[Rpc, ...]:
    """List every RPC of our own packages, by path.

    Raises:
        ContractError: an RPC has no policy, a unary one no deadline, or REST is asked for one whose client streams.
    """
    return tuple(sorted(_rpcs(files), key=lambda rpc: rpc.path))


def _rpcs(files: descriptor_pb2.FileDescriptorSet) -> Iterator[Rpc]:
    for file in files.file:
        if file.package.split(".")[0] != PACKAGE_ROOT:
            continue
        for service in file.service:
            for method in service.method:
                yield _rpc(f"{file.package}.{service.name}", method)


def _rpc(service: str, method: descriptor_pb2.MethodDescriptorProto) -> Rpc:
    rpc = Rpc(
        service=service,
        method=method.name,
        request=method.input_type.removeprefix("."),
        response=method.output_type.removeprefix("."),
        server_streaming=method.server_streaming,
        bindings=tuple(_bindings(method)),
        policy=_policy(f"{service}/{method.name}", method),
    )
    if rpc.bindings and method.client_streaming:
        raise ContractError(f"{rpc.path}: a client cannot stream in REST; remove its google.api.http option")
    return rpc


def _policy(name: str, method: descriptor_pb2.MethodDescriptorProto) -> Policy:
    if not method.options.HasExtension(options_pb2.policy):
        raise ContractError(f"{name} has no (lensmesh.options.v1.policy); say who may call it")
    policy = method.options.Extensions[options_pb2.policy]
    if not policy.HasField("deadline") and not method.server_streaming:
        raise ContractError(f"{name} is unary and has no policy.deadline; say how long a call may take")
    return Policy(
        roles=tuple(options_pb2.Role.Name(role) for role in policy.roles),
        callers=tuple(policy.callers),
        tenant_field=policy.tenant_field,
        public=policy.public,
        deadline=policy.deadline.ToTimedelta() if policy.HasField("deadline") else None,
    )


def _bindings(method: descriptor_pb2.MethodDescriptorProto) -> Iterator[Binding]:
    if not method.options.HasExtension(annotations_pb2.http):
        return
    rule = method.options.Extensions[annotations_pb2.http]
    for each in (rule, *rule.additional_bindings):
        yield _binding(each)


def _binding(rule: http_pb2.HttpRule) -> Binding:
    pattern = rule.WhichOneof("pattern")
    if pattern is None:
        raise ContractError(f"a google.api.http option without a path: {rule}")
    if pattern == "custom":
        return Binding(verb=rule.custom.kind, template=rule.custom.path, body=rule.body)
    return Binding(verb=pattern.upper(), template=getattr(rule, pattern), body=rule.body)
