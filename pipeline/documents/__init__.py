"""Where a document goes: index, id, action. Shared by the outputs that write documents."""
