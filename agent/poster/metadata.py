"""What a derived file says of itself (XMP): where its picture came from, and that words were set.

Only files that we make are written here. A bought picture is never saved again: its C2PA manifest
would not survive that (peers.md section 5).
"""

from __future__ import annotations

import io
import re
from typing import Final, Literal, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

FileKind = Literal["png", "jpeg", "webp"]
Origin = Literal["model", "offline"]
_TERMS: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE: Final[dict[Origin, str]] = {
    "model": "compositeWithTrainedAlgorithmicMedia",
    "offline": "algorithmicMedia",
}
_ITXT: Final = "XML:com.adobe.xmp"
_FROM: Final = re.compile(r'stRef:documentID="sha256:([0-9a-f]{64})"')
_TYPE: Final = re.compile(r'Iptc4xmpExt:DigitalSourceType="([^"]+)"')


class Provenance(NamedTuple):
    """Where the picture of a poster came from."""

    original: str
    """The sha256 of the bought picture's bytes, which are kept as they came."""
    origin: Origin
    title: str = ""

    @property
    def source_type(self) -> str:
        """The IPTC term: a model's picture with our words on it, or drawn by an algorithm."""
        return _TERMS + _SOURCE[self.origin]


def xmp_packet(made: Provenance) -> str:
    """The XMP of a derived file; it has no date, so equal posters are equal files."""
    title = (
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(made.title)}'
        "</rdf:li></rdf:Alt></dc:title>"
        if made.title
        else ""
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
        ' xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmp:CreatorTool="Limner"'
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(made.source_type)}>{title}"
        f'<xmpMM:DerivedFrom stRef:documentID="sha256:{made.original}"/>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def encoded(
    image: Image.Image, kind: FileKind, made: Provenance, *, dpi: int | None = None
) -> bytes:
    """A derived file with its XMP, the same bytes for the same picture.

    PNG and WebP keep every pixel; JPEG does not, and so never carries a QR code or a logo as proof.
    """
    packet, out = xmp_packet(made), io.BytesIO()
    extra = {"dpi": (dpi, dpi)} if dpi and kind != "webp" else {}
    match kind:
        case "png":
            info = PngInfo()
            info.add_itxt(_ITXT, packet)
            image.save(out, "PNG", compress_level=3, pnginfo=info, **extra)
        case "jpeg":
            image.convert("RGB").save(
                out, "JPEG", quality=92, subsampling=0, xmp=packet.encode(), **extra
            )
        case "webp":
            image.save(out, "WEBP", lossless=True, quality=40, method=2, xmp=packet.encode())
    return out.getvalue()


def provenance_in(data: bytes) -> tuple[str, str] | None:
    """The source type and the original's sha256 that a file tells; ``None`` when it tells neither."""
    with Image.open(io.BytesIO(data)) as image:
        held: object = image.info.get("xmp", "")
        if isinstance(image, PngImageFile):
            held = image.text.get(_ITXT, held)
    packet = held.decode("utf-8", "replace") if isinstance(held, bytes) else str(held)
    kind, source = _TYPE.search(packet), _FROM.search(packet)
    return (kind[1], source[1]) if kind and source else None
