"""Words of the protocol about organizations."""

# The role of one who was asked to join and has not answered (spec.md 2.6).
INVITED = "invited"
# What people may make by themselves; their names are never free again (docs/adr/0040).
MOST_OWNED = 50
