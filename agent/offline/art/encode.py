"""Files that say what they are: PNG, JPEG and WebP with the scene and its origin inside (XMP)."""

from __future__ import annotations

import io
import re
from typing import Literal
from xml.sax.saxutils import quoteattr, unescape

from PIL import Image, PngImagePlugin

from .render import cutout
from .scene import Scene

OutputFormat = Literal["png", "jpeg", "webp"]
Background = Literal["opaque", "transparent", "auto"]
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
CREATOR = "Limner offline artist"
_ITXT = "XML:com.adobe.xmp"
_NS = "urn:limner:scene:1#"
_SCENE = re.compile(r"scene:json=(\"[^\"]*\"|'[^']*')")
# A JPEG carries XMP in one APP1 segment of at most 65,533 bytes.
_ROOM = 60_000


def xmp_packet(scene: Scene | None) -> str:
    """The XMP of a drawn picture: source type, tool, and the scene when there is one."""
    data = "" if scene is None else f" scene:json={quoteattr(scene.to_json(), _ESCAPED)}"
    if len(data.encode()) > _ROOM:
        data = ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:scene="{_NS}" xmp:CreatorTool="{CREATOR}"'
        f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"{data}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


_ESCAPED = {'"': "&quot;", "\n": "&#10;"}
_UNESCAPED = {"&quot;": '"', "&apos;": "'", "&#10;": "\n"}


def encode(
    image: Image.Image,
    scene: Scene | None,
    *,
    output_format: OutputFormat = "png",
    compression: int | None = None,
    background: Background = "auto",
) -> bytes:
    """The picture as a file. `compression` is 0-100 as on the wire (100 = best quality).

    A transparent background keeps the picture's own alpha, or cuts the scene out of its backdrop;
    JPEG has no alpha and gets white in its place.
    """
    if background == "transparent" and output_format != "jpeg" and image.mode != "RGBA" and scene:
        image = cutout(scene, image.size)
    elif background == "opaque" or output_format == "jpeg" or image.mode not in ("RGB", "RGBA"):
        image = flat(image)
    packet, out = xmp_packet(scene), io.BytesIO()
    quality = 90 if compression is None else max(1, min(100, compression))
    match output_format:
        case "png":
            info = PngImagePlugin.PngInfo()
            info.add_itxt(_ITXT, packet)
            image.save(out, "PNG", compress_level=1, pnginfo=info)
        case "jpeg":
            image.save(out, "JPEG", quality=quality, subsampling=0, xmp=packet.encode())
        case "webp":
            image.save(out, "WEBP", quality=quality, method=2, xmp=packet.encode())
    return out.getvalue()


def flat(image: Image.Image) -> Image.Image:
    """The picture as RGB, transparent parts on white."""
    if image.mode == "RGB":
        return image
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    sheet = Image.new("RGB", layer.size, (255, 255, 255))
    sheet.paste(layer, (0, 0), layer)
    return sheet


def _packet_of(data: bytes) -> str:
    """The XMP text of a picture file, empty when there is none."""
    with Image.open(io.BytesIO(data)) as image:
        if isinstance(image, PngImagePlugin.PngImageFile):
            # before the pixels in our own files: `text` has to read them all to be sure
            text = image.info.get(_ITXT) or image.text.get(_ITXT)
            found: object = text if text is not None else image.info.get("xmp", "")
        else:
            found = image.info.get("xmp", "")
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def scene_in(data: bytes) -> Scene | None:
    """The scene a picture file carries; None for strangers and for anything broken."""
    try:
        match = _SCENE.search(_packet_of(data))
        return Scene.from_json(unescape(match[1][1:-1], _UNESCAPED)) if match else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
