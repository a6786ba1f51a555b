// What becomes of a job that is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "workshop.hpp"

using sluice::test::PdfDocuments;
using sluice::test::Workshop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST_F(PdfDocuments, OutputSaysWhatWasWritten) {
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
  for (const char* part : {"A new floor", "Abel & Sons", "J. <Abel>", "24,579.20", "26,429.20 EUR",
                           "5,021.55 EUR", "31,450.75 EUR", "Three weeks.", "Prices hold for a month."}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(PdfTemplates, InvoiceWorksWithMuchAndWithLittle) {
  Workshop& shop = with_shipped_templates();
  ASSERT_EQ(shop.run("invoice", rich_data, "much.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("much.pdf"), HasSubstr("31,450.75 EUR"));
  ASSERT_EQ(shop.run("invoice", R"({"proposalId": "123"})", "little.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("little.pdf"), HasSubstr("No items"));
  EXPECT_EQ(shop.pages("little.pdf"), 1);
}

TEST_F(PdfDocuments, LettersOutsideOfTheCommonFontSubsetAreShownToo) {
  Workshop& shop = with_template("<p style='font-family: DejaVu Sans'>{{ text }}</p>");
  const auto outcome = shop.run("under-test", R"({"text": "Grüße ﬁt Привет ∑"})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("Привет ∑"));
}

TEST_F(PdfDocuments, TheWholeDataIsThereUnderItsNameWhateverItHolds) {
  Workshop& shop = with_template("{{ data['a b'] }} {{ data.data }}");
  ASSERT_EQ(shop.run("under-test", R"({"a b": "one", "data": "two"})").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("one two"));
}

TEST_F(PdfDocuments, BytesDoNotDependOnWhatWasRenderedBefore) {
  Workshop& shop = with_template("<p>{{ text }}");
  const auto sha = [&](const std::string& text) {
    return std::string(
        parsed(shop.run("under-test", R"({"text": ")" + text + R"("})").output)["sha256"].GetString());
  };
  const auto first = sha("abc");
  EXPECT_NE(sha("xyz"), first);
  EXPECT_EQ(sha("abc"), first);
}

TEST_F(PdfDocuments, ARepeatReplacesItsOwnFile) {
  Workshop& shop = with_template("<p>{{ text }}");
  ASSERT_EQ(shop.run("under-test", R"({"text": "before"})").result, SLUICE_DONE);
  ASSERT_EQ(shop.run("under-test", R"({"text": "after"})").result, SLUICE_DONE);
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("after"));
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, AnotherJobsFileIsNeverReplaced) {
  Workshop& shop = with_template("<p>{{ text }}");
  ASSERT_EQ(shop.run("under-test", R"({"text": "mine"})", "a.pdf", "job 1%").result, SLUICE_DONE);
  const auto outcome = shop.run("under-test", R"({"text": "theirs"})", "a.pdf", "job 2");
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.code, "file-exists");
  EXPECT_THAT(outcome.error, HasSubstr("job job%201%25"));
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("mine"));
  EXPECT_THAT(shop.files(), ElementsAre("a.pdf"));
}

TEST_F(PdfDocuments, FoldersOfTheFilenameAreMade) {
  Workshop& shop = with_template("<p>x");
  ASSERT_EQ(shop.run("under-test", "{}", "2026/may/Größe 1.pdf").result, SLUICE_DONE);
  EXPECT_THAT(shop.files(), ElementsAre("2026/may/Größe 1.pdf"));
}

TEST_F(PdfDocuments, AnEditedTemplateIsUsedAtOnce) {
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

TEST_F(PdfDocuments, WhatWeasyPrintWarnsAboutIsLogged) {
  Workshop& shop = with_template("<style>p { colour: red }</style><p>x");
  sluice::testing::FakeJob job(sluice::test::payload("under-test", "{}", "a.pdf"));
  ASSERT_EQ(shop.run(job).result, SLUICE_DONE);
  ASSERT_EQ(job.logs().size(), 1U);
  EXPECT_THAT(job.logs()[0].message, HasSubstr("colour"));
}

TEST_F(PdfTemplates, TheDeclaredExampleIsTheGuidesJob) {
  Workshop& shop = with_shipped_templates();
  const auto& type = shop.plugin().type("pdf.generate");
  sluice::testing::FakeJob job(std::string(type.payload_example.data, type.payload_example.size));
  EXPECT_EQ(shop.run(job).result, SLUICE_DONE);
  EXPECT_THAT(shop.files(), ElementsAre("proposal-123.pdf"));
}

}  // namespace
