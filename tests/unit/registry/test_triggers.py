"""The triggers that keep history as it was written, as each database is given them."""

import sqlalchemy as sa

from modelhubd.registry import schema
from modelhubd.registry.triggers import RULES, statements


def test_sqlite_takes_every_trigger_and_there_is_one_for_each_rule() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        for statement in statements("sqlite"):
            connection.exec_driver_sql(statement)
        names = {
            row[0]
            for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }
    engine.dispose()
    assert {rule.name for rule in RULES} <= names


def test_postgresql_is_given_a_function_for_each_and_none_is_emptied() -> None:
    given = list(statements("postgresql"))
    for rule in RULES:
        assert any(f"CREATE TRIGGER {rule.name} BEFORE {rule.event}" in one for one in given), rule.name
        returned = "OLD" if rule.event == "DELETE" else "NEW"
        (made,) = [one for one in given if f"CREATE FUNCTION {rule.name}()" in one]
        assert f"RETURN {returned};" in made
    assert sum("BEFORE TRUNCATE" in one for one in given) == 3
    assert not any("IS DISTINCT FROM" in one for one in statements("sqlite")), "sqlite has another word"
