"""Words of the protocol about organizations."""

# The role of one who was asked to join and has not answered (spec.md 2.6).
INVITED = "invited"
