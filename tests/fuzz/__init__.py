"""The platform against its own description: schemathesis with objects that exist."""
