"""What is done to a whole PDF: files attached as Factur-X wants them, and encryption. By pikepdf, which is qpdf."""

import datetime
import io
import re

import pikepdf
from values import Failure

FACTURX_NAME = "factur-x.xml"
# Factur-X and ZUGFeRD 2 describe their file in the document's XMP, by a schema that PDF/A wants described there too.
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


def with_invoice(pdf, xml, level, when):
    """A PDF/A-3 with the invoice's XML, bytes, as Factur-X of that level. `when` is the file's time."""
    if level not in LEVELS:
        raise Failure("template-error", f"Factur-X has no level {level!r}; it has {', '.join(LEVELS)}")
    with pikepdf.open(io.BytesIO(pdf)) as document:
        content = pikepdf.Stream(document, xml)
        content.Type = pikepdf.Name.EmbeddedFile
        content.Subtype = pikepdf.Name("/text/xml")
        content.Params = pikepdf.Dictionary(Size=len(xml), ModDate=pdf_time(when))
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
        root.Metadata = document.make_stream(described(root.Metadata.read_bytes(), level))
        root.Metadata.Type, root.Metadata.Subtype = pikepdf.Name.Metadata, pikepdf.Name.XML
        return saved(document)


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
    """The PDF, which readers open with `password` and may change with `owner`, by AES with 256 bits."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return saved(document, encryption=pikepdf.Encryption(user=password, owner=owner, R=6))
