"""Posters from briefs: what is bought, what is set, where each word stands, and the proof of it.

    brief ─► plan ─► (make) ─► pictures ─► lettering ─► proof ─► files

``brief`` `sizes` `layout` `plan` are pure: they decide, and know neither a network nor a clock.
"""
