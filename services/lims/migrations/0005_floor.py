"""The floor: how far each lens is, when a job is due, what broke, what was measured, and what there is in stock."""

from alembic import op

from chassis.schema import own_rows

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # A job of before has no lenses here: they are made of its decision when it is next worked on. What was promised,
    # and why it is made again, nobody is granted to change.
    op.execute(
        """
        alter table job
            add column customer_status text not null default '',
            add column lenses jsonb not null default '[]',
            add column next_station text not null default '',
            add column arrive_time timestamptz,
            add column due_time timestamptz,
            add column promise_time timestamptz,
            add column hold_reason text not null default '',
            add column partner text not null default '',
            add column partner_until text not null default '',
            add column remake jsonb,
            add constraint job_on_hold check (hold_reason = '' or state = 'ON_HOLD'),
            add constraint job_away check ((partner = '') = (partner_until = ''))
        """
    )
    op.execute("create index job_remake on job (tenant, ((remake ->> 'original')::bigint)) where remake is not null")
    op.execute(
        "grant update (customer_status, lenses, next_station, arrive_time, due_time, hold_reason, partner,"
        " partner_until) on job to lims_service"
    )
    op.execute(
        """
        create table floor_record (
            tenant text not null,
            job bigint not null references job (number),
            sequence bigint not null check (sequence > 0),
            kind text not null,
            station text not null,
            subject text not null,
            operator text not null,
            time timestamptz not null,
            primary key (tenant, job, sequence)
        )
        """
    )
    own_rows("floor_record", "lims", service_grants="select, insert", relay_grants="select")
    op.execute(
        """
        create table breakage (
            tenant text not null,
            job bigint not null references job (number),
            number integer not null check (number > 0),
            reason jsonb not null,
            station text not null,
            note text not null,
            before jsonb not null,
            after jsonb not null,
            operator text not null,
            time timestamptz not null,
            reverse_time timestamptz,
            reversed_by text not null default '',
            primary key (tenant, job, number),
            check ((reverse_time is null) = (reversed_by = ''))
        )
        """
    )
    own_rows(
        "breakage",
        "lims",
        service_grants="select, insert, update (reverse_time, reversed_by)",
        relay_grants="select",
    )
    # The content is the contract's `Inspection`, as it was answered.
    op.execute(
        """
        create table inspection (
            tenant text not null,
            job bigint not null references job (number),
            number integer not null check (number > 0),
            content bytea not null,
            primary key (tenant, job, number)
        )
        """
    )
    own_rows("inspection", "lims", service_grants="select, insert", relay_grants="select")
    # The balances are the sums of the movements; both are written in one transaction, under the row's lock.
    op.execute(
        """
        create table blank_stock (
            tenant text not null,
            blank text not null,
            on_hand integer not null default 0 check (on_hand between 0 and 1000000),
            reserved integer not null default 0 check (reserved between 0 and on_hand),
            reorder_at integer not null default 0 check (reorder_at >= 0),
            order_up_to integer not null default 0 check (order_up_to >= reorder_at),
            update_time timestamptz not null default clock_timestamp(),
            primary key (tenant, blank)
        )
        """
    )
    own_rows(
        "blank_stock",
        "lims",
        service_grants="select, insert, update (on_hand, reserved, reorder_at, order_up_to, update_time)",
        relay_grants="select",
    )
    op.execute(
        """
        create table stock_movement (
            tenant text not null,
            number bigint not null generated always as identity,
            blank text not null,
            kind text not null,
            quantity integer not null,
            on_hand_change integer not null,
            reserved_change integer not null,
            on_hand integer not null check (on_hand >= 0),
            reserved integer not null check (reserved between 0 and on_hand),
            job bigint references job (number),
            side text not null default '',
            operator text not null,
            note text not null default '',
            time timestamptz not null default clock_timestamp(),
            primary key (number),
            foreign key (tenant, blank) references blank_stock (tenant, blank)
        )
        """
    )
    op.execute("create index stock_movement_blank on stock_movement (tenant, blank, number)")
    op.execute("create index stock_movement_job on stock_movement (tenant, job, number) where job is not null")
    own_rows("stock_movement", "lims", service_grants="select, insert", relay_grants="select")
