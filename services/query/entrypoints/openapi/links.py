"""What may be asked next with what was answered: OpenAPI links, for people who read on and for tests that follow them."""

from typing import Any, Final

ID: Final = "$response.body#/id"
ETAG: Final = "$response.body#/etag"
"""The header names the revision as well, but where it stands over the bytes of an answer with health."""
FIRST_ITEM: Final = {
    "kind": "$request.path.kind",
    "affiliate": "$response.body#/items/0/affiliate",
    "code": "$response.body#/items/0/code",
}
SAME_ITEM: Final = {
    "kind": "$response.body#/kind",
    "affiliate": "$response.body#/affiliate",
    "code": "$response.body#/code",
}
ITEMS_OF_FIRST_GROUP: Final = {"kind": "$response.body#/items/0/kind", "group": "$response.body#/items/0/group"}
FIRST_LETTER: Final = {"letter_id": "$response.body#/items/0/id"}
JOB: Final = {"job_id": ID}
FIRST_JOB: Final = {"job_id": "$response.body#/items/0/id"}
KEY: Final = {"key_id": ID}
TAGGED: Final = {"affiliate": "$response.body#/affiliate", "header.If-Match": ETAG}
AFFILIATE: Final = {"affiliate": "$response.body#/affiliate"}
FIRST_AFFILIATE: Final = {"affiliate": "$response.body#/items/0/affiliate"}

Links = dict[str, dict[str, str]]

ITEM_LINKS: Final[Links] = {
    **dict.fromkeys(("get_entry", "list_attempts", "get_diff"), FIRST_ITEM),
    "get_story": {"item_id": FIRST_ITEM["code"]},
}
SAME_ITEM_LINKS: Final[Links] = {
    **dict.fromkeys(("list_attempts", "get_diff"), SAME_ITEM),
    "get_story": {"item_id": SAME_ITEM["code"]},
}
REPROCESS_LINKS: Final[Links] = {"get_reprocess": JOB, "cancel_reprocess": JOB}
EXPORT_LINKS: Final[Links] = {"get_export": JOB, "get_export_file": JOB, "cancel_export": JOB}
IMPORT_LINKS: Final[Links] = dict.fromkeys(("get_import", "list_import_rows", "reprocess_import", "cancel_import"), JOB)
REPLAY_LINKS: Final[Links] = {"get_replay": JOB, "cancel_replay": JOB}
INTEGRATION_LINKS: Final[Links] = {
    "get_integration": AFFILIATE,
    "put_integration": TAGGED,
    "patch_integration": TAGGED,
    "remove_integration": TAGGED,
}
TAGGED_VIEW: Final = {"view_id": ID, "header.If-Match": ETAG}
VIEW_LINKS: Final[Links] = {
    "get_view": {"view_id": ID},
    "put_view": TAGGED_VIEW,
    "patch_view": TAGGED_VIEW,
    "remove_view": TAGGED_VIEW,
}
KEY_LINKS: Final[Links] = {"get_key": KEY, "rotate_key": KEY, "revoke_key": KEY}

LINKS: Final[dict[str, dict[str, Links]]] = {
    "list_logs": {"200": ITEM_LINKS},
    "list_groups": {"200": {"list_logs": ITEMS_OF_FIRST_GROUP}},
    "get_entry": {"200": SAME_ITEM_LINKS},
    "request_reprocess": {"202": REPROCESS_LINKS},
    "list_reprocesses": {"200": {"get_reprocess": FIRST_JOB}},
    "request_export": {"202": EXPORT_LINKS},
    "list_exports": {"200": {"get_export": FIRST_JOB, "get_export_file": FIRST_JOB}},
    "request_import": {"202": IMPORT_LINKS},
    "list_imports": {"200": dict.fromkeys(("get_import", "list_import_rows"), FIRST_JOB)},
    "reprocess_import": {"202": REPROCESS_LINKS},
    "list_letters": {"200": dict.fromkeys(("get_letter", "get_raw_letter", "replay_letter"), FIRST_LETTER)},
    "replay_letters": {"202": REPLAY_LINKS},
    "replay_letter": {"202": REPLAY_LINKS},
    "list_integrations": {"200": {"get_integration": FIRST_AFFILIATE}},
    "create_integration": {"201": INTEGRATION_LINKS},
    "get_integration": {"200": INTEGRATION_LINKS},
    "create_view": {"201": VIEW_LINKS},
    "list_views": {"200": {"get_view": {"view_id": "$response.body#/items/0/id"}}},
    "get_view": {"200": VIEW_LINKS},
    "create_key": {"201": KEY_LINKS},
    "list_keys": {"200": {"get_key": {"key_id": "$response.body#/items/0/id"}}},
}
"""Operation → status → the operations that go on from there, and where their parameters come from."""


def link_to(operation: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return an OpenAPI link."""
    return {"operationId": operation, "parameters": parameters}
