"""Hundreds of briefs: made once, resumed after anything, approved by a person.

    briefs ─► drafts ─► run ─► queue ─► bench ─► press (each picture and its posters) ─► folder
                                                  deciding: what a person says of them

``standing`` is what is written down of a batch and is pure. What is bought and set is made in
``agent/poster``; this room knows which, when, by which worker, and that nothing is paid for twice.
"""
