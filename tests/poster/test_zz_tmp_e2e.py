from pathlib import Path
import pytest
from agent.poster.brief import load_brief
from agent.poster.make import make
from agent.poster.planning import MakeOptions
BRIEF="""
name: demo
title: Night Market by the Old Harbour
motif: a night market with lanterns
date: Friday 12 June
sizes: [square, story]
locales: [en]
lettering: painted
"""
@pytest.mark.parametrize("faults",[(),("misspell:every=2",),("misspell:every=2","autocorrecting-reader"),("misspell:every=2","edit-redraws-everything"),("misspell:every=2","autocorrecting-reader","edit-redraws-everything")])
@pytest.mark.parametrize("draw",["tiny","full"])
async def test_it(faults, draw, serve, open_on, tmp_path):
    server=serve(*faults,draw=draw)
    async with open_on(server) as agent:
        async for e in make(load_brief(BRIEF,name="demo.yaml"),agent,MakeOptions(out=tmp_path)):
            t=getattr(e,"type","")
            if t not in("poster.planned",): print(t, {k:v for k,v in e.model_dump().items() if k in("key","name","status","reasons","line_id","verdict","readings","reason","counts","code","message","what","text")})
    print(server.counters)
