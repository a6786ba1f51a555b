// The documents and outputs of jobs that are done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "workshop.hpp"

using sluice::test::PdfDocuments;
using sluice::test::printed_by;
using sluice::test::Workshop;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

rapidjson::Document parsed(const std::optional<std::string>& json) {
  rapidjson::Document document;
  document.Parse(json.value_or("").c_str());
  return document;
}

constexpr const char* rich_data = R"({
  "proposalId": "77", "title": "A new floor", "taxRate": 19, "currency": "EUR", "invoiceId": "R-5",
  "company": {"name": "Northlight Ltd", "address": ["14 Harbour Lane"]},
  "customer": {"company": "Abel & Sons", "name": "J. <Abel>", "address": ["Gewerbering 8"]},
  "items": [{"description": "Survey", "price": 1850}, {"description": "Floor", "quantity": 640, "unit": "m²", "price": 38.405}],
  "sections": [{"title": "Schedule", "text": ["Three weeks."], "points": ["First", "Second"]}],
  "terms": ["Prices hold for a month."]})";

class PdfTemplates : public sluice::test::SharedWorkshop<PdfTemplates> {};

TEST_F(PdfTemplates, TheGuidesProposalIsOnePageWithItsNumber) {
  Workshop& shop = with_shipped_templates();
  const auto outcome = shop.run("proposal", R"({"proposalId": "123"})", "proposal-123.pdf");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_EQ(shop.pages("proposal-123.pdf"), 1);
  EXPECT_THAT(shop.text("proposal-123.pdf"), HasSubstr("123"));
  EXPECT_THAT(shop.text("proposal-123.pdf"), HasSubstr("Page 1 of 1"));
}

TEST_F(PdfDocuments, AreDescribedInTheOutput) {
  Workshop& shop = with_template("<p>one</p><p style='break-before: page'>two</p>");
  const auto outcome = shop.run("under-test", "{}", "two.pdf");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  const auto output = parsed(outcome.output);
  const std::string path = output["path"].GetString();
  EXPECT_EQ(path, shop.output("two.pdf"));
  EXPECT_EQ(output["pages"].GetInt(), 2);
  EXPECT_EQ(shop.pages("two.pdf"), 2);
  EXPECT_EQ(output["bytes"].GetUint64(), std::filesystem::file_size(path));
  EXPECT_EQ(sluice::test::printed_by("sha256sum < '" + path + "'").substr(0, 64),
            output["sha256"].GetString());
}

TEST_F(PdfTemplates, ProposalAddsUpItsItemsAndTax) {
  Workshop& shop = with_shipped_templates();
  const auto outcome = shop.run("proposal", rich_data);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  const auto text = shop.text("a.pdf");
  for (const char* part : {"A new floor", "Abel & Sons", "J. <Abel>", "38.405", "24,579.20", "€26,429.20",
                           "€5,021.55", "€31,450.75", "Three weeks.", "Prices hold for a month."}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(PdfTemplates, InvoiceWorksWithMuchAndWithLittleData) {
  Workshop& shop = with_shipped_templates();
  ASSERT_EQ(shop.run("invoice", rich_data, "much.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("much.pdf"), HasSubstr("€31,450.75"));
  ASSERT_EQ(shop.run("invoice", R"({"proposalId": "123"})", "little.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("little.pdf"), HasSubstr("No items"));
  EXPECT_EQ(shop.pages("little.pdf"), 1);
}

TEST_F(PdfDocuments, ShowLettersOutsideTheCommonFontSubset) {
  Workshop& shop = with_template("<p style='font-family: DejaVu Sans'>{{ text }}</p>");
  const auto outcome = shop.run("under-test", R"({"text": "Grüße ﬁt Привет ∑"})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("Привет ∑"));
}

TEST_F(PdfDocuments, CanReadTheWholeDataEvenIfItHasAMemberData) {
  Workshop& shop = with_template("{{ data['a b'] }} {{ data.data }}");
  ASSERT_EQ(shop.run("under-test", R"({"a b": "one", "data": "two"})").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("one two"));
}

TEST_F(PdfDocuments, DoNotDependOnEarlierDocuments) {
  Workshop& shop = with_template("<p>{{ text }}");
  const auto sha = [&](const std::string& text) {
    return std::string(
        parsed(shop.run("under-test", R"({"text": ")" + text + R"("})").output)["sha256"].GetString());
  };
  const auto first = sha("abc");
  EXPECT_NE(sha("xyz"), first);
  EXPECT_EQ(sha("abc"), first);
}

TEST_F(PdfTemplates, PrintNothingForAbsentData) {
  Workshop& shop = with_shipped_templates();
  const char* data =
      R"({"proposalId": 123, "validUntil": null, "subtitle": null, "customer": null, "taxRate": null,
    "company": {"name": "Northlight", "address": null}, "items": [{"description": "x", "price": "1.10", "unit": null}]})";
  for (const char* name : {"proposal", "invoice"}) {
    const auto outcome = shop.run(name, data, std::string(name) + ".pdf");
    ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
    const auto text = shop.text(std::string(name) + ".pdf");
    for (const char* part : {"None", "null", "Valid", "<", "Tax", "EUR", "built-in"}) {
      EXPECT_THAT(text, Not(HasSubstr(part)));
    }
    EXPECT_THAT(text, HasSubstr("1.10"));
  }
}

TEST_F(PdfTemplates, AcceptNumbersAsTextAndLinesAsOneText) {
  Workshop& shop = with_shipped_templates();
  const char* data =
      R"({"invoiceId": 7, "items": [{"description": "a\nb", "price": "10.50", "quantity": "2"}],
    "customer": {"name": "Ann\r\n", "address": "Main St 1\nTown\n"}})";
  for (const char* name : {"proposal", "invoice"}) {
    const auto outcome = shop.run(name, data, std::string(name) + ".pdf");
    if (std::string(name) == "proposal") {
      EXPECT_THAT(outcome.error, HasSubstr("'proposalId' is not in the data"));
      continue;
    }
    ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
    const auto text = shop.text("invoice.pdf");
    EXPECT_THAT(text, HasSubstr("21.00"));
    EXPECT_THAT(text, ContainsRegex("Ann *\n *Main St 1 *\n *Town *\n"));
    EXPECT_THAT(text, ContainsRegex("a  .*2.*\n *b *\n"));
  }
}

TEST_F(PdfTemplates, WriteDatesAndMoneyInTheLanguageOfTheData) {
  Workshop& shop = with_shipped_templates();
  const auto outcome = shop.run("invoice", R"({"invoiceId": "R-1", "language": "de", "currency": "EUR",
    "dueDate": "2026-02-28T00:00:00.000Z", "items": [{"price": 1234.5, "quantity": 0.75}], "taxRate": 19})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  const auto text = shop.text("a.pdf");
  for (const char* part :
       {"Rechnung", "28. Februar 2026", "0,75", "1.234,50", "925,88", "175,92", "1.101,80", "€"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(PdfDocuments, PreferMembersToMethods) {
  Workshop& shop = with_template(
      "{% for i in order.items %}[{{ i }}]{% endfor %} {% for k, v in o.items() %}{{ k }}{{ v }}{% endfor "
      "%}");
  const auto outcome = shop.run("under-test", R"({"order": {"items": ["a", "b"]}, "o": {"k": 1}})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("[a][b] k1"));
}

TEST_F(PdfDocuments, ShowCharactersOfAllScriptsAndReportMissingOnes) {
  Workshop& shop = with_template("<p>{{ text }}");
  sluice::testing::FakeJob job(
      sluice::test::payload("under-test", R"({"text": "田中太郎 ภาษาไทย हिन्दी 🎉 \uDBEA\uDFCD"})", "a.pdf"));
  const auto outcome = shop.run(job);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_EQ(std::string(parsed(outcome.output)["missingCharacters"].GetString()), "\xF4\x8A\xAF\x8D");
  ASSERT_EQ(job.logs().size(), 1U);
  EXPECT_THAT(job.logs()[0].message, HasSubstr("(U+10ABCD), in payload /data/text: they are missing"));
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("田中太郎 ภาษาไทย"));
}

TEST_F(PdfDocuments, AreValidAccordingToAnotherProgram) {
  Workshop& shop =
      with_template("<title>A &amp; B</title><meta name=author content=Ann><h1>One</h1><h2>Two</h2>");
  ASSERT_EQ(shop.run().result, SLUICE_DONE);
  EXPECT_THAT(printed_by("qpdf --check '" + shop.output("a.pdf") + "'"), HasSubstr("No syntax or stream"));
  const auto info = printed_by("pdfinfo '" + shop.output("a.pdf") + "'");
  EXPECT_THAT(info, ContainsRegex("Title: +A & B"));
  EXPECT_THAT(info, ContainsRegex("Author: +Ann"));
  EXPECT_THAT(printed_by("qpdf --json --json-key=outlines '" + shop.output("a.pdf") + "'"),
              ContainsRegex("\"title\": \"Two\""));
}

TEST_F(PdfDocuments, NameTheirJobBeforeTheirLastLines) {
  Workshop& shop = with_template("<p>x");
  ASSERT_EQ(shop.run().result, SLUICE_DONE);
  const auto content = shop.scratch().read("output/a.pdf");
  EXPECT_THAT(content.substr(content.rfind("endobj")),
              ContainsRegex("\n% sluice job job-1\nstartxref\n[0-9]+\n%%EOF\n$"));
}

TEST_F(PdfDocuments, WithAPasswordAreEncrypted) {
  Workshop& shop = with_template("<p>secret");
  sluice::testing::FakeJob job(
      R"({"template": "under-test", "data": {}, "filename": "a.pdf", "password": "größe 1"})");
  for (int i = 0; i < 2; ++i) {  // the second recognises its own file although it is encrypted
    const auto outcome = shop.run(job);
    ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  }
  const auto checked = printed_by("qpdf --check --password='größe 1' '" + shop.output("a.pdf") + "'");
  EXPECT_THAT(checked, HasSubstr("AESv3"));
  EXPECT_THAT(checked, HasSubstr("Supplied password is user password"));
  EXPECT_THROW(printed_by("pdftotext '" + shop.output("a.pdf") + "' - 2>&1"), std::runtime_error);
}

TEST_F(PdfDocuments, CanHaveAPasswordThatIsANumber) {
  Workshop& shop = with_template("<p>secret");
  sluice::testing::FakeJob job(
      R"({"template": "under-test", "filename": "a.pdf", "password": 1.10, "ownerPassword": 12345678901234567890123})");
  const auto outcome = shop.run(job);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  const auto said = [&](const std::string& password) {
    return printed_by("qpdf --check --password=" + password + " '" + shop.output("a.pdf") + "'");
  };
  EXPECT_THAT(said("1.10"), HasSubstr("Supplied password is user password"));
  EXPECT_THAT(said("12345678901234567890123"), HasSubstr("Supplied password is owner password"));
}

TEST_F(PdfDocuments, UseTheLastOfMembersWithOneName) {
  Workshop& shop = with_template("<p>{{ text }}");
  sluice::testing::FakeJob job(
      R"({"template": "nobody", "filename": "first.pdf", "data": {"text": "first", "text": "last"},
          "filename": "last.pdf", "template": "under-test"})");
  const auto outcome = shop.run(job);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.files(), ElementsAre("last.pdf"));
  EXPECT_THAT(shop.text("last.pdf"), HasSubstr("last"));
}

TEST_F(PdfDocuments, ThatExistAreReplacedWithReplace) {
  Workshop& shop = with_template("<p>{{ text }}");
  ASSERT_EQ(shop.run("under-test", R"({"text": "first"})", "a.pdf", "job-1").result, SLUICE_DONE);
  sluice::testing::FakeJob job(
      R"({"template": "under-test", "data": {"text": "second"}, "filename": "a.pdf", "exists": "replace"})");
  const auto outcome = shop.run(job.id("job-2"));
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("second"));
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, ThatExistGetANumberWithVersion) {
  Workshop& shop = with_template("<p>{{ text }}");
  const auto path_of = [&](const std::string& id) {
    sluice::testing::FakeJob job(
        R"({"template": "under-test", "filename": "x/a.pdf", "exists": "version", "data": {"text": ")" + id +
        "\"}}");
    const auto outcome = shop.run(job.id(id));
    EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
    return std::string(parsed(outcome.output)["path"].GetString());
  };
  EXPECT_EQ(path_of("one"), shop.output("x/a.pdf"));
  EXPECT_EQ(path_of("two"), shop.output("x/a-2.pdf"));
  EXPECT_EQ(path_of("three"), shop.output("x/a-3.pdf"));
  EXPECT_EQ(path_of("two"), shop.output("x/a-2.pdf"));  // the same job again
  EXPECT_THAT(shop.files(), ElementsAre("x/a-2.pdf", "x/a-3.pdf", "x/a.pdf"));
  EXPECT_THAT(shop.text("x/a-3.pdf"), HasSubstr("three"));
}

// Versions before 1.1 wrote the line at the end.
TEST_F(PdfDocuments, WhoseLastLineNamesTheJobAreReplaced) {
  Workshop& shop = with_template("<p>new");
  shop.scratch().write("output/a.pdf", "%PDF\n%%EOF\n% sluice job job-1\n");
  ASSERT_EQ(shop.run().result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("new"));
}

TEST_F(PdfDocuments, CanHaveALineEndInTheirFilename) {
  Workshop& shop = with_template("<p>x");
  sluice::testing::FakeJob job(R"({"template": "under-test\n", "data": null, "filename": "a.pdf\n"})");
  ASSERT_EQ(shop.run(job).result, SLUICE_DONE);
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, AreMailedByTheFollowUpJob) {
  Workshop& shop = with_template("<p>x");
  sluice::testing::FakeJob job(R"({"template": "under-test", "filename": "2026/a.pdf", "then": [
    {"payload": {"to": "ann@example.com", "subject": "Your offer", "body": 1.10, "attachments": null}},
    {"type": "notification.send", "payload": {"userId": 123456789012345678901234567890, "data": {"price": 1.10}}}]})");
  const auto outcome = shop.run(job);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  ASSERT_EQ(job.follow_ups().size(), 2U);
  EXPECT_EQ(job.follow_ups()[0].type, "email.send");
  const auto mail = parsed(job.follow_ups()[0].payload);
  EXPECT_STREQ(mail["to"].GetString(), "ann@example.com");
  ASSERT_EQ(mail["attachments"].Size(), 1U);
  EXPECT_EQ(mail["attachments"][0]["path"].GetString(), shop.output("2026/a.pdf"));
  EXPECT_STREQ(mail["attachments"][0]["filename"].GetString(), "a.pdf");
  EXPECT_STREQ(mail["attachments"][0]["contentType"].GetString(), "application/pdf");
  EXPECT_EQ(job.follow_ups()[1].type, "notification.send");
  EXPECT_EQ(job.follow_ups()[1].payload,
            R"({"userId": 123456789012345678901234567890, "data": {"price": 1.10}})");
  EXPECT_THAT(job.follow_ups()[0].payload, HasSubstr("\"body\":1.10"));
}

TEST_F(PdfDocuments, AreMailedWithOtherAttachments) {
  Workshop& shop = with_template("<p>x");
  sluice::testing::FakeJob job(R"({"template": "under-test", "filename": "a.pdf", "then": {"payload":
      {"to": "a@example.com", "attachments": [{"filename": "n.txt", "content": 2.50}], "subject": "s"}}})");
  ASSERT_EQ(shop.run(job).result, SLUICE_DONE);
  ASSERT_EQ(job.follow_ups().size(), 1U);
  EXPECT_THAT(job.follow_ups()[0].payload,
              HasSubstr(R"([{"filename": "n.txt", "content": 2.50},{"filename":"a.pdf",)"));
}

TEST_F(PdfDocuments, AreReplacedIfTheSameJobRunsAgain) {
  Workshop& shop = with_template("<p>{{ text }}");
  ASSERT_EQ(shop.run("under-test", R"({"text": "before"})").result, SLUICE_DONE);
  ASSERT_EQ(shop.run("under-test", R"({"text": "after"})").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("after"));
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, OfAnotherJobAreNotReplaced) {
  Workshop& shop = with_template("<p>{{ text }}");
  ASSERT_EQ(shop.run("under-test", R"({"text": "mine"})", "a.pdf", "job 1%").result, SLUICE_DONE);
  const auto outcome = shop.run("under-test", R"({"text": "theirs"})", "a.pdf", "job 2");
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.code, "file-exists");
  EXPECT_THAT(outcome.error, HasSubstr("job job%201%25"));
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("mine"));
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, CreateTheFoldersOfTheirFilename) {
  Workshop& shop = with_template("<p>x");
  ASSERT_EQ(shop.run("under-test", "{}", "2026/may/Größe 1.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.files(), ElementsAre("2026/may/Größe 1.pdf"));
}

TEST_F(PdfDocuments, UseAnEditedTemplateAtOnce) {
  Workshop& shop = with_template("<link rel=stylesheet href=a.css><p>{% include 'part.html' %}");
  shop.scratch().write("templates/under-test/a.css", "p::before { content: 'css1 ' }");
  shop.scratch().write("templates/under-test/part.html", "part1");
  ASSERT_EQ(shop.run().result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("css1 part1"));
  shop.scratch().write("templates/under-test/a.css", "p::before { content: 'style2 ' }");
  shop.scratch().write("templates/under-test/part.html", "partial2");
  ASSERT_EQ(shop.run().result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("style2 partial2"));
}

TEST_F(PdfDocuments, LogTheWarningsOfWeasyPrint) {
  Workshop& shop = with_template("<style>p { colour: red }</style><p>x");
  sluice::testing::FakeJob job(sluice::test::payload("under-test", "{}", "a.pdf"));
  ASSERT_EQ(shop.run(job).result, SLUICE_DONE);
  ASSERT_EQ(job.logs().size(), 1U);
  EXPECT_THAT(job.logs()[0].message, HasSubstr("colour"));
}

TEST_F(PdfTemplates, LongTablesHaveAllTheirRowsAndAHeadOnEachPage) {
  Workshop& shop = with_shipped_templates();
  constexpr int rows = 250;
  std::string items;
  for (int i = 1; i <= rows; ++i) {
    items += (i == 1 ? "" : ",") + (R"({"price": 1, "description": "Row)" + std::to_string(i)) + ".\"}";
  }
  const auto outcome = shop.run("invoice", R"({"invoiceId": 1, "items": [)" + items + "]}");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  const auto text = shop.text("a.pdf");
  for (int i = 1; i <= rows; ++i) EXPECT_THAT(text, HasSubstr("Row" + std::to_string(i) + "."));
  int heads = 0;
  for (auto at = text.find("Quantity"); at != std::string::npos; at = text.find("Quantity", at + 1)) ++heads;
  EXPECT_GE(heads, shop.pages("a.pdf") - 1);  // the last page can have only the sums
  EXPECT_THAT(text, HasSubstr("250.00"));
}

TEST_F(PdfTemplates, TheDeclaredExampleIsTheGuidesJob) {
  Workshop& shop = with_shipped_templates();
  const auto& type = shop.plugin().type("pdf.generate");
  sluice::testing::FakeJob job(std::string(type.payload_example.data, type.payload_example.size));
  EXPECT_EQ(shop.run(job).result, SLUICE_DONE);
  EXPECT_THAT(shop.files(), ElementsAre("proposal-123.pdf"));
}

}  // namespace
