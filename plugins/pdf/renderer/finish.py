"""Changes to a complete PDF: files attached as Factur-X requires, and encryption. Uses pikepdf, which uses qpdf."""

import dataclasses
import datetime
import io
import re

import pikepdf
from values import Failure

FACTURX_NAME = "factur-x.xml"
# Factur-X and ZUGFeRD 2 describe their file in the document's XMP. PDF/A requires the schema to be described there too.
FACTURX_SPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
FACTURX_XMP = """
<rdf:Description rdf:about="" xmlns:fx="{space}">
  <fx:DocumentType>INVOICE</fx:DocumentType>
  <fx:DocumentFileName>{name}</fx:DocumentFileName>
  <fx:Version>1.0</fx:Version>
  <fx:ConformanceLevel>{level}</fx:ConformanceLevel>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
    xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
  <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
    <pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
    <pdfaSchema:namespaceURI>{space}</pdfaSchema:namespaceURI>
    <pdfaSchema:prefix>fx</pdfaSchema:prefix>
    <pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>
  </rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
PROPERTY = """
<rdf:li rdf:parseType="Resource">
  <pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>
  <pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>{name}</pdfaProperty:description>
</rdf:li>"""
PROPERTIES = ("DocumentFileName", "DocumentType", "Version", "ConformanceLevel")
LEVELS = ("MINIMUM", "BASIC WL", "BASIC", "EN 16931", "EXTENDED", "XRECHNUNG")


@dataclasses.dataclass
class Invoice:
    xml: bytes
    level: str  # of Factur-X
    when: datetime.datetime

    def __post_init__(self):
        if self.level not in LEVELS:
            raise Failure("template-error", f"Factur-X has no level {self.level!r}; it has {', '.join(LEVELS)}")


def archived(pdf, invoice=None):
    """The PDF/A with matching XMP and document information, and with the invoice attached."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        xmp = same_as_info(document.Root.Metadata.read_bytes())
        if invoice:
            attach(document, invoice)
            xmp = described(xmp, invoice.level)
        document.Root.Metadata = document.make_stream(xmp)
        document.Root.Metadata.Type, document.Root.Metadata.Subtype = pikepdf.Name.Metadata, pikepdf.Name.XML
        return saved(document, fix_metadata_version=False)


def attach(document, invoice):
    content = pikepdf.Stream(document, invoice.xml)
    content.Type = pikepdf.Name.EmbeddedFile
    content.Subtype = pikepdf.Name("/text/xml")
    content.Params = pikepdf.Dictionary(Size=len(invoice.xml), ModDate=pdf_time(invoice.when))
    file = document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Filespec,
            F=FACTURX_NAME,
            UF=FACTURX_NAME,
            Desc="The invoice as Factur-X",
            AFRelationship=pikepdf.Name.Alternative,
            EF=pikepdf.Dictionary(F=content, UF=content),
        )
    )
    root = document.Root
    root.AF = pikepdf.Array([file])
    if "/Names" not in root:
        root.Names = pikepdf.Dictionary()
    root.Names.EmbeddedFiles = pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String(FACTURX_NAME), file]))


def same_as_info(xmp):
    """The XMP with the document's subject in dc:description, as PDF/A requires. WeasyPrint puts it into dc:subject."""
    return re.sub(
        rb"<dc:subject><rdf:Bag><rdf:li>(.*?)</rdf:li></rdf:Bag></dc:subject>",
        rb'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">\1</rdf:li></rdf:Alt></dc:description>',
        xmp,
        flags=re.S,
    )


def described(xmp, level):
    properties = "".join(PROPERTY.format(name=name) for name in PROPERTIES)
    more = FACTURX_XMP.format(space=FACTURX_SPACE, name=FACTURX_NAME, level=level, properties=properties)
    return re.sub(rb"(</rdf:RDF>)", more.encode().replace(b"\\", rb"\\") + rb"\1", xmp, count=1)


def pdf_time(when):
    return when.astimezone(datetime.timezone.utc).strftime("D:%Y%m%d%H%M%SZ")


def saved(document, **options):
    target = io.BytesIO()
    document.save(target, **options)
    return target.getvalue()


def encrypted(pdf, password, owner):
    """The PDF encrypted with AES, 256 bits: `password` opens it, `owner` permits changing it."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return saved(document, encryption=pikepdf.Encryption(user=password, owner=owner, R=6))
