"""A web service of one's own: a turn's events as they come, pictures by their id.

uvicorn --app-dir examples fastapi_events:app
curl -N 127.0.0.1:8000/turns -H 'content-type: application/json' -d '{"text": "a red kite"}'
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from agent import ImageAgent, NotFound, TurnRequest, open_agent


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with open_agent() as agent:
        app.state.limner = agent
        yield


app = FastAPI(lifespan=lifespan)


def limner(request: Request) -> ImageAgent:
    return request.app.state.limner


Limner = Annotated[ImageAgent, Depends(limner)]


class Wish(BaseModel):
    text: str
    session: str | None = None
    change: str | None = None


@app.post("/turns", response_class=EventSourceResponse)
async def turns(wish: Wish, agent: Limner) -> AsyncIterator[ServerSentEvent]:
    """No event holds bytes; a client that leaves loses nothing, the turn is finished and kept."""
    request = TurnRequest(
        text=wish.text,
        intent="edit" if wish.change else "generate",
        session=wish.session,
        edit=[wish.change] if wish.change else None,
    )
    async for event in agent.stream(request):
        yield ServerSentEvent(event=event.type, raw_data=event.model_dump_json())


@app.get("/pictures/{image_id}")
async def picture(image_id: str, agent: Limner) -> FileResponse:
    """The bytes as they were received. Who may see which picture is for the host to say."""
    try:
        image = await agent.store.image(image_id)
    except NotFound as error:
        raise HTTPException(404, str(error)) from error
    return FileResponse(image.path, media_type=image.media_type)
