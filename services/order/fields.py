"""Orders between the service and its callers: the message of an order, and patches applied to one."""

from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from lensmesh.order.v1 import account_pb2, order_pb2

from chassis import validation
from chassis.errors import FieldInvalid
from services.order.model import CLIENT_FIELDS, Account, Order


def message(order: Order) -> order_pb2.Order:
    """Returns an order as callers see it."""
    told = order_pb2.Order()
    told.CopyFrom(order.content)
    told.name = order.name
    told.etag = order.etag
    told.state = order.state
    told.job = order.job
    told.lab_status = order.lab_status
    told.catalog_revision = order.catalog_revision
    told.violations.extend(order.violations)
    if order.quote:
        told.quote.CopyFrom(order.quote)
    told.create_time.FromDatetime(order.create_time)
    told.update_time.FromDatetime(order.update_time)
    if order.submit_time:
        told.submit_time.FromDatetime(order.submit_time)
    for note in order.notes:
        said = told.notes.add(author=note.author, text=note.text)
        said.create_time.FromDatetime(note.create_time)
    return told


def summary(order: Order) -> order_pb2.Order:
    """Returns an order as lists show it: without the frame's traced shape."""
    told = message(order)
    told.frame.ClearField("trace")
    return told


def account_message(account: Account) -> account_pb2.Account:
    """Returns an account as callers see it."""
    told = account_pb2.Account(name=account.name, practice=account.practice, is_default=account.is_default)
    told.create_time.FromDatetime(account.create_time)
    return told


def merged(content: order_pb2.Order, patch: order_pb2.Order, mask: Sequence[str]) -> order_pb2.Order:
    """Returns the content with the fields that the mask names taken from the patch; absent ones are cleared.

    An empty mask names every value that is present in the patch's client fields.

    Raises:
        FieldInvalid: The mask names a field that does not exist or that callers cannot set, or what comes of it breaks
            the contract.
    """
    paths = [tuple(path.split(".")) for path in mask] or [path for path in _present(patch) if path[0] in CLIENT_FIELDS]
    faults = [(f"update_mask: {'.'.join(path)}", fault) for path in paths if (fault := _fault(path))]
    if faults:
        raise FieldInvalid(faults)
    result = order_pb2.Order()
    result.CopyFrom(content)
    for path in paths:
        _take(result, patch, path)
    if broken := validation.broken(result):
        raise FieldInvalid([(f"order.{field}", fault) for field, fault in broken])
    return result


def _fault(path: tuple[str, ...]) -> str | None:
    if path[0] not in CLIENT_FIELDS:
        return f"is not a field that can be changed; these are: {', '.join(CLIENT_FIELDS)}"
    descriptor: Descriptor | None = order_pb2.Order.DESCRIPTOR
    for name in path:
        field: FieldDescriptor | None = descriptor.fields_by_name.get(name) if descriptor else None
        if field is None:
            return f"does not exist: there is no {name!r}"
        descriptor = field.message_type if not field.is_repeated else None
    return None


def _present(patch: Message, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the path of every value present in a message; lists are values."""
    for field, value in patch.ListFields():
        path = (*prefix, field.name)
        if isinstance(value, Message):
            yield from _present(value, path)
        else:
            yield path


def _take(target: Message, source: Message, path: tuple[str, ...]) -> None:
    """Sets what the path names in the target as it is in the source: to a value, or to absence."""
    name, *rest = path
    if rest:
        _take(getattr(target, name), getattr(source, name), tuple(rest))
        return
    target.ClearField(name)
    field = source.DESCRIPTOR.fields_by_name[name]
    value = getattr(source, name)
    if field.is_repeated:
        getattr(target, name).extend(value)
    elif field.message_type is not None:
        if source.HasField(name):
            getattr(target, name).CopyFrom(value)
    elif not field.has_presence or source.HasField(name):
        setattr(target, name, value)
