"""The routes of a registry as methods, for both of its clients."""

from typing import TYPE_CHECKING

from modelhub_client.methods import Calls, asked, asked_async

if TYPE_CHECKING:
    from modelhub_client.calls import registry as of_registry
    from modelhub_client.calls import registry_accounts as of_accounts
else:
    of_registry, of_accounts = Calls("registry"), Calls("registry_accounts")


class RegistryMethods:
    """Every route, for a class with `run`."""

    health = asked(of_registry.health)
    me = asked(of_registry.me)
    changes = asked(of_registry.changes)
    catalog = asked(of_registry.catalog)
    root = asked(of_registry.root)
    popularity = asked(of_registry.popularity)
    models = asked(of_registry.models)
    model = asked(of_registry.model)
    versions = asked(of_registry.versions)
    version = asked(of_registry.version)
    issues = asked(of_registry.issues)
    publish = asked(of_registry.publish)
    cancel = asked(of_registry.cancel)
    review = asked(of_registry.review)
    reviews = asked(of_registry.reviews)
    decide = asked(of_registry.decide)
    withdraw = asked(of_registry.withdraw)
    verify = asked(of_registry.verify)
    unverify = asked(of_registry.unverify)
    templates = asked(of_registry.templates)
    template = asked(of_registry.template)
    compliance = asked(of_registry.compliance)
    put_template = asked(of_registry.put_template)
    delete_template = asked(of_registry.delete_template)
    count_download = asked(of_registry.count_download)
    star = asked(of_registry.star)
    unstar = asked(of_registry.unstar)
    reset_counters = asked(of_registry.reset_counters)

    publishers = asked(of_accounts.publishers)
    publisher = asked(of_accounts.publisher)
    create_publisher = asked(of_accounts.create_publisher)
    change_publisher = asked(of_accounts.change_publisher)
    add_publisher_key = asked(of_accounts.add_publisher_key)
    revoke_publisher_key = asked(of_accounts.revoke_publisher_key)
    tokens = asked(of_accounts.tokens)
    create_token = asked(of_accounts.create_token)
    revoke_token = asked(of_accounts.revoke_token)
    audit = asked(of_accounts.audit)
    checkpoint = asked(of_accounts.checkpoint)
    inclusion_proof = asked(of_accounts.inclusion_proof)
    consistency_proof = asked(of_accounts.consistency_proof)


class AsyncRegistryMethods:
    """Every route, for a class with an async `run`."""

    health = asked_async(of_registry.health)
    me = asked_async(of_registry.me)
    changes = asked_async(of_registry.changes)
    catalog = asked_async(of_registry.catalog)
    root = asked_async(of_registry.root)
    popularity = asked_async(of_registry.popularity)
    models = asked_async(of_registry.models)
    model = asked_async(of_registry.model)
    versions = asked_async(of_registry.versions)
    version = asked_async(of_registry.version)
    issues = asked_async(of_registry.issues)
    publish = asked_async(of_registry.publish)
    cancel = asked_async(of_registry.cancel)
    review = asked_async(of_registry.review)
    reviews = asked_async(of_registry.reviews)
    decide = asked_async(of_registry.decide)
    withdraw = asked_async(of_registry.withdraw)
    verify = asked_async(of_registry.verify)
    unverify = asked_async(of_registry.unverify)
    templates = asked_async(of_registry.templates)
    template = asked_async(of_registry.template)
    compliance = asked_async(of_registry.compliance)
    put_template = asked_async(of_registry.put_template)
    delete_template = asked_async(of_registry.delete_template)
    count_download = asked_async(of_registry.count_download)
    star = asked_async(of_registry.star)
    unstar = asked_async(of_registry.unstar)
    reset_counters = asked_async(of_registry.reset_counters)

    publishers = asked_async(of_accounts.publishers)
    publisher = asked_async(of_accounts.publisher)
    create_publisher = asked_async(of_accounts.create_publisher)
    change_publisher = asked_async(of_accounts.change_publisher)
    add_publisher_key = asked_async(of_accounts.add_publisher_key)
    revoke_publisher_key = asked_async(of_accounts.revoke_publisher_key)
    tokens = asked_async(of_accounts.tokens)
    create_token = asked_async(of_accounts.create_token)
    revoke_token = asked_async(of_accounts.revoke_token)
    audit = asked_async(of_accounts.audit)
    checkpoint = asked_async(of_accounts.checkpoint)
    inclusion_proof = asked_async(of_accounts.inclusion_proof)
    consistency_proof = asked_async(of_accounts.consistency_proof)
