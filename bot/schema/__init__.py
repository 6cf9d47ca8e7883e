"""What a JSON Schema says of an action's arguments, read without trust in who wrote it.

- `copying`: a copy of what can be checked safely; nothing of a schema is used as it came
- `words`: what is wrong with a value, in words of ours
- `arguments`: one schema, asked about one argument or about all
"""

from .arguments import ArgumentsSchema, Kind, Property, SchemaUnchecked, Shape

__all__ = ["ArgumentsSchema", "Kind", "Property", "SchemaUnchecked", "Shape"]
