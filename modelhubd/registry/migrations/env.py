"""What Alembic runs: the migrations, on the connection and in the transaction of `migrate`."""

from alembic import context

from modelhubd.registry.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
