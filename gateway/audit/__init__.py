"""Whether the live firewall permits exactly what the description says, and if not, which packet.

rules ← parse, fields ← diagram ← meaning, trace, allowed ← prove, redundant; beside them
finding, look ← snapshot ← collect, conversations, interfaces, settings ← surroundings: what the
kernel of the box offers besides its rules. Nothing here knows a feature, a template or the
renderer: it would prove the generator with itself.
"""
