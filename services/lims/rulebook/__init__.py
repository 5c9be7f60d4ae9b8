"""The lab's rulebook: how its rules are drafted, checked, previewed, published, taken back and told apart.

What takes long runs in workers of its own: `services.lims.examining` checks, `services.lims.previewing` previews.

    servicer      maps messages to calls and back
    workflow      drafts, what becomes of them, and the history
    publishing    how a revision comes into force
    readiness     what may come into force, compiled in every replica
    scheduling    what is published later, on its own
    examinations  checks and previews
    framing       how a service and its worker talk
    store         SQL, and only SQL
    heads         the heads that are kept outside the database
    keys          the key that heads are signed with
    chain         heads and signatures; what is wrong with a history
    diff          how two catalogs differ
    model         drafts and revisions
"""
