// The failures in the table of the plugin's README.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string_view>

#include "workshop.hpp"

using sluice::test::PdfDocuments;
using sluice::test::Workshop;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

struct Case {
  const char* name;
  const char* html;
  const char* payload;
  std::int32_t result;
  const char* code;
  const char* message;  // a part of it
  std::string job_id = "job-1";
  const char* in_its_place = nullptr;  // the content of an existing file of the same name
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name;
}

constexpr const char* good = R"({"template": "TEMPLATE", "data": {}, "filename": "a.pdf"})";
#define FILENAME(text) R"({"template": "TEMPLATE", "data": {}, "filename": ")" text R"("})"

const Case cases[] = {
    {"UnknownTemplate", "", R"({"template": "nobody", "data": {}, "filename": "a.pdf"})", SLUICE_FAIL,
     "unknown-template", "the templates are UnknownTemplate, under-test"},
    {"TemplateNameWithDots", "", R"({"template": "../output", "data": {}, "filename": "a.pdf"})", SLUICE_FAIL,
     "unknown-template", "no template '../output'"},
    {"UndefinedVariable", "\n\n{{ customer }}", good, SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:3, {{ customer }}: 'customer' is not in the data"},
    {"UndefinedMember", "{{ data.customer.name }}", good, SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:1, {{ data.customer.name }}: payload /data has no member 'customer'"},
    {"UndefinedMemberOfAMember", "{{ customer.nmae }}",
     R"({"template": "TEMPLATE", "data": {"customer": {"name": "Ann", "id": 1}}, "filename": "a.pdf"})",
     SLUICE_FAIL, "template-error", "payload /data/customer has no member 'nmae'; it has 'name', 'id'"},
    {"NullIsPrinted", "{{ note }}",
     R"({"template": "TEMPLATE", "data": {"note": null}, "filename": "a.pdf"})", SLUICE_FAIL,
     "template-error", "'note' is not in the data"},
    {"MethodIsPrinted", "{{ order.items }}",
     R"({"template": "TEMPLATE", "data": {"order": {"id": 1}}, "filename": "a.pdf"})", SLUICE_FAIL,
     "template-error", "payload /data/order has no member 'items'; it has 'id'"},
    {"MethodIsJoined", "{{ name.title ~ '!' }}",
     R"({"template": "TEMPLATE", "data": {"name": "x"}, "filename": "a.pdf"})", SLUICE_FAIL, "template-error",
     "\"x\" has no member 'title'"},
    {"ObjectIsPrinted", "{{ order }}",
     R"({"template": "TEMPLATE", "data": {"order": {"id": 1}}, "filename": "a.pdf"})", SLUICE_FAIL,
     "template-error", "is an object, not a text to print; name one of its members (payload /data/order)"},
    {"BrokenTemplate", "\n{% if %}", good, SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:2, {% if %}: Expected an expression"},
    {"DivisionByZero", "{{ 1 / 0 }}", good, SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:1, {{ 1 / 0 }}: 1 / 0: a division by zero"},
    {"MoneyOfAText", "\n{{ items[1].price | money }}",
     R"({"template": "TEMPLATE", "data": {"items": [{"price": 1}, {"price": "10,50"}]}, "filename": "a.pdf"})",
     SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:2, {{ items[1].price | money }}: \"10,50\" is not a number; write it as 1234.5 "
     "(payload /data/items/1/price)"},
    {"ItemWithoutPrice", "{{ accounts(data).total }}",
     R"({"template": "TEMPLATE", "data": {"items": [{"price": null}]}, "filename": "a.pdf"})", SLUICE_FAIL,
     "template-error", "an item has no price; set it to 0 for a free item (payload /data/items/0)"},
    {"UnknownLanguage", "", R"({"template": "TEMPLATE", "data": {"language": "xx"}, "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-locale", "language \"xx\" is unknown; give one like en, de or pt-BR"},
    {"UnknownTimeZone", "", R"({"template": "TEMPLATE", "timeZone": "Mars/Olympus", "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-locale", "time zone \"Mars/Olympus\" is unknown"},
    {"UnknownExists", "", R"({"template": "TEMPLATE", "exists": "append", "filename": "a.pdf"})", SLUICE_FAIL,
     "bad-payload", "exists: expected fail, replace or version, found 'append'"},
    {"DataThatIsNotAnObject", "", R"({"template": "TEMPLATE", "data": [1], "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-payload", "payload /data: expected an object, found [1]"},
    {"FollowUpWithoutPayload", "", R"({"template": "TEMPLATE", "then": {"type": "x"}, "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-payload", "payload /then/payload: expected an object, found nothing"},
    {"FollowUpWithAttachmentsOfAnotherKind", "",
     R"({"template": "TEMPLATE", "then": [{"payload": {"attachments": "a"}}], "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-payload", "payload /then/0/payload/attachments: expected an array, found a string"},
    {"EmptyPassword", "x", R"({"template": "TEMPLATE", "password": "", "filename": "a.pdf"})", SLUICE_FAIL,
     "bad-payload", "payload /password: expected a text of 1 to 127 bytes"},
    {"PasswordThatIsTrue", "x", R"({"template": "TEMPLATE", "password": true, "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-payload", "payload /password: expected a text of 1 to 127 bytes, found a boolean"},
    {"OwnerPasswordThatIsAnObject", "x",
     R"({"template": "TEMPLATE", "password": 1, "ownerPassword": {}, "filename": "a.pdf"})", SLUICE_FAIL,
     "bad-payload", "payload /ownerPassword: expected a text of 1 to 127 bytes, found an object"},
    {"OwnerPasswordAlone", "x", R"({"template": "TEMPLATE", "ownerPassword": "x", "filename": "a.pdf"})",
     SLUICE_FAIL, "bad-payload", "payload /ownerPassword: password must be set too"},
    {"PasswordOfAnArchive", "<meta name=pdf-variant content=pdf/a-3b>",
     R"({"template": "TEMPLATE", "password": "x", "filename": "a.pdf"})", SLUICE_FAIL, "bad-payload",
     "payload /password: a pdf/a-3b document can't be encrypted"},
    {"UnknownVariant", "<meta name=pdf-variant content=pdf/a-9>", good, SLUICE_FAIL, "template-error",
     "pdf-variant 'pdf/a-9' is not one of pdf/a-1b, pdf/a-2b, pdf/a-3b"},
    {"FacturXWithoutArchive", "<link rel=factur-x href=x.xml>", good, SLUICE_FAIL, "template-error",
     "Factur-X needs a PDF/A-3"},
    {"MissingInclude", "{% include 'gone.html' %}", good, SLUICE_FAIL, "template-error",
     "no file 'gone.html'"},
    {"EndlessInclude", "{% include 'template.html' %}", good, SLUICE_FAIL, "template-error",
     "RecursionError"},
    {"LoopOverANumber", "{% for x in 12 %}{% endfor %}", good, SLUICE_FAIL, "template-error",
     "TEMPLATE/template.html:1, {% for x in 12 %}: 12 is not a list to loop over"},
    {"MissingImage", "<img src=gone.png>", good, SLUICE_FAIL, "resource-refused", "gone.png"},
    {"MissingStylesheet", "<link rel=stylesheet href=gone.css>", good, SLUICE_FAIL, "resource-refused",
     "gone.css"},
    {"ImageWithALongName", "<img src='{{ 'a' * 300 }}.png'>", good, SLUICE_FAIL, "resource-refused", "aaa"},
    {"ImageWithANulInItsName", "<img src='a%00.png'>", good, SLUICE_FAIL, "resource-refused", "a%00.png"},
    {"ImageOfABrokenUrl", "<img src='http://[x/'>", good, SLUICE_FAIL, "resource-refused", "http://[x/"},
    {"ImageThatIsAFolder", "<img src='.'>", good, SLUICE_FAIL, "resource-refused", "is not a file"},
    {"ImageThroughACycleOfLinks", "<img src=circle>", good, SLUICE_FAIL, "resource-refused", "circle"},
    {"IncludeWithALongName", "{% include 'a' * 300 %}", good, SLUICE_FAIL, "template-error", "no file 'aaa"},
    {"TooDeep", "{% for i in range(400) %}<div>{% endfor %}", good, SLUICE_FAIL, "render-failed",
     "RecursionError"},
    {"AnotherJobsFile", "", good, SLUICE_FAIL, "file-exists", "already exists, written by job theirs",
     "job-1", "%PDF\n% sluice job theirs\n"},
    {"AFileOfUnknownOrigin", "", good, SLUICE_FAIL, "file-exists", "by something else", "job-1", "by hand"},
    {"LongJobId", "", good, SLUICE_FAIL, "bad-job-id", "too long", std::string(1000, 'x')},
    {"NoFilename", "", R"({"template": "TEMPLATE", "data": {}})", SLUICE_FAIL, "bad-payload",
     "payload /filename: expected a string, found nothing"},
    {"ParentFolder", "", FILENAME("../a.pdf"), SLUICE_FAIL, "bad-filename", "begins with a dot"},
    {"ParentFolderWithin", "", FILENAME("x/../../a.pdf"), SLUICE_FAIL, "bad-filename", "begins with a dot"},
    {"AbsolutePath", "", FILENAME("/tmp/a.pdf"), SLUICE_FAIL, "bad-filename", "absolute"},
    {"EmptyName", "", FILENAME("x//a.pdf"), SLUICE_FAIL, "bad-filename", "empty name"},
    {"HiddenFile", "", FILENAME(".pdf"), SLUICE_FAIL, "bad-filename", "begins with a dot"},
    {"NoPdf", "", FILENAME("a.exe"), SLUICE_FAIL, "bad-filename", "does not end in .pdf"},
    {"ZeroByte", "", FILENAME("a\\u0000.pdf"), SLUICE_FAIL, "bad-filename", "control character"},
    {"LineBreak", "", FILENAME("a\\n.pdf"), SLUICE_FAIL, "bad-filename", "control character"},
    {"Backslash", "", FILENAME("..\\\\a.pdf"), SLUICE_FAIL, "bad-filename", "dot"},
    // Attempts of a template or its data to escape the sandbox or the template's folder.
    {"SandboxEscape", "{{ ''.__class__.__mro__ }}", good, SLUICE_FAIL, "template-error", "unsafe"},
    {"SandboxEscapeOfAFilter", "{{ ''|attr('__class__') }}", good, SLUICE_FAIL, "template-error", "unsafe"},
    {"SandboxEscapeByFormat", "{{ '{0.__class__}'.format('') }}", good, SLUICE_FAIL, "template-error",
     "unsafe"},
    {"SandboxEscapeOfAGlobal", "{{ cycler.__init__.__globals__ }}", good, SLUICE_FAIL, "template-error",
     "unsafe"},
    {"IncludeOfAnotherTemplate", "{% include '../under-test/template.html' %}", good, SLUICE_FAIL,
     "template-error", "no file '../under-test/template.html'"},
    {"IncludeByAbsolutePath", "{% include '/etc/passwd' %}", good, SLUICE_FAIL, "template-error", "no file"},
    {"IncludeThroughALink", "{% include 'link.html' %}", good, SLUICE_FAIL, "template-error",
     "no file 'link.html'"},
    {"ImageThroughALink", "<img src=link.html>", good, SLUICE_FAIL, "resource-refused", "link.html"},
    {"ImageOfAnotherTemplate", "<img src='../under-test/template.html'>", good, SLUICE_FAIL,
     "resource-refused", "under-test"},
    {"FileUrl", "<img src='file:///etc/passwd'>", good, SLUICE_FAIL, "resource-refused",
     "file:///etc/passwd"},
    {"FileUrlInCapitals", "<img src='FILE:///etc/passwd'>", good, SLUICE_FAIL, "resource-refused", "passwd"},
    {"FileUrlWithHost", "<img src='file://localhost/etc/passwd'>", good, SLUICE_FAIL, "resource-refused",
     "passwd"},
    {"EncodedDots", "<img src='%2e%2e/%2e%2e/etc/passwd'>", good, SLUICE_FAIL, "resource-refused", "passwd"},
    {"BaseElement", "<base href='file:///etc/'><img src=passwd>", good, SLUICE_FAIL, "resource-refused",
     "passwd"},
    {"Attachment", "<a rel=attachment href='file:///etc/passwd'>x</a>", good, SLUICE_FAIL, "resource-refused",
     "passwd"},
    {"AttachmentOfTheDocument", "<link rel=attachment href='file:///etc/passwd'>x", good, SLUICE_FAIL,
     "resource-refused", "passwd"},
    {"StylesheetImport", "<style>@import 'file:///etc/passwd';</style>", good, SLUICE_FAIL,
     "resource-refused", "passwd"},
    {"FontFace", "<style>@font-face { font-family: f; src: url(file:///etc/passwd) }</style>", good,
     SLUICE_FAIL, "resource-refused", "passwd"},
    {"PictureInAPicture",
     "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='9' "
     "height='9'>"
     "<image xlink:href='file:///etc/passwd' width='9' height='9'/></svg>",
     good, SLUICE_FAIL, "resource-refused", "passwd"},
};

/// All cases share one plugin, because starting a renderer takes about a second.
class PdfFailures : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    shop_ = std::make_unique<Workshop>("<p>a secret");
    shop_->plugin();
  }
  static void TearDownTestSuite() { shop_.reset(); }

  PdfFailures() {
    shop_->add_template(GetParam().name, GetParam().html);
    std::filesystem::create_symlink("../under-test/template.html", folder() + "/link.html");
    std::filesystem::create_symlink("circle", folder() + "/circle");
    if (GetParam().in_its_place != nullptr) shop_->scratch().write("output/a.pdf", GetParam().in_its_place);
  }
  ~PdfFailures() override {
    std::filesystem::remove_all(folder());
    shop_->clear_output();
  }

  std::string folder() const { return shop_->scratch().path("templates/" + std::string(GetParam().name)); }
  /// Replaces TEMPLATE by the name of the case's template.
  static std::string with_template(std::string text) {
    const std::string_view placeholder = "TEMPLATE";
    const auto at = text.find(placeholder);
    return at == std::string::npos ? text : text.replace(at, placeholder.size(), GetParam().name);
  }

  static std::unique_ptr<Workshop> shop_;
};

std::unique_ptr<Workshop> PdfFailures::shop_;

TEST_P(PdfFailures, EndTheJobAsTheTableSays) {
  sluice::testing::FakeJob job(with_template(GetParam().payload));
  job.id(GetParam().job_id);
  const auto outcome = shop_->run(job);
  EXPECT_EQ(outcome.result, GetParam().result);
  EXPECT_EQ(outcome.code, GetParam().code);
  EXPECT_THAT(outcome.error, HasSubstr(with_template(GetParam().message)));
  if (GetParam().in_its_place == nullptr) {
    EXPECT_THAT(shop_->files(), IsEmpty());
  } else {
    EXPECT_EQ(shop_->scratch().read("output/a.pdf"), GetParam().in_its_place);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, PdfFailures, ::testing::ValuesIn(cases),
                         [](const auto& tested) { return std::string(tested.param.name); });

/// Listens on a port of 127.0.0.1.
class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_, any, size) != 0 || listen(socket_, 8) != 0 || getsockname(socket_, any, &size) != 0) {
      throw std::runtime_error("cannot listen on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x.png"; }
  bool was_called() const {
    const int peer = accept(socket_, nullptr, nullptr);
    if (peer >= 0) close(peer);
    return peer >= 0 || errno != EAGAIN;
  }

 private:
  int socket_;
  int port_ = 0;
};

TEST_F(PdfDocuments, CannotAccessTheNetwork) {
  const Listener listener;
  Workshop& shop = with_template("{{ html | safe }}");
  for (const std::string html : {"<img src='URL'>", "<link rel=stylesheet href='URL'>",
                                 "<style>@import 'URL';</style>", "<p style='background: url(URL)'>x",
                                 "<object data='URL'></object>", "<base href='URL'><img src=y.png>"}) {
    std::string with_url = html;
    with_url.replace(html.find("URL"), 3, listener.url());
    const auto outcome = shop.run("under-test", R"({"html": )" + sluice::test::quoted(with_url) + "}");
    EXPECT_EQ(outcome.code, "resource-refused") << html << ": " << outcome.error;
  }
  EXPECT_FALSE(listener.was_called());
}

TEST_F(PdfDocuments, ShowDataAsTextNotAsHtml) {
  Workshop& shop = with_template("<p>{{ text }}");
  const auto outcome = shop.run("under-test", R"({"text": "<img src='http://127.0.0.1:1/'>"})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_THAT(shop.text("a.pdf"), HasSubstr("<img src='http://127.0.0.1:1/'>"));
}

TEST_F(PdfDocuments, AcceptDataUrlsAndFilesOfTheTemplate) {
  Workshop& shop = with_template(
      "<img src='dot.svg'><img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>\">x");
  shop.scratch().write("templates/under-test/dot.svg",
                       "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>");
  const auto outcome = shop.run();
  EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
}

TEST_F(PdfDocuments, AreRetriedIfTheOutputDirectoryIsMissing) {
  Workshop& shop = with_template("<p>x");
  shop.plugin();
  std::filesystem::remove(shop.output());
  const auto outcome = shop.run();
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "output-unwritable");
  std::filesystem::create_directory(shop.output());
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
}

TEST_F(PdfDocuments, ThatCannotBeWrittenCompletelyLeaveNothing) {
  Workshop& shop = with_template("<p>x");
  shop.plugin();
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit little{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  const auto outcome = shop.run();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "output-unwritable");
  EXPECT_THAT(shop.files(), IsEmpty());
}

TEST_F(PdfDocuments, AreNotWrittenToAFolderThatIsALink) {
  Workshop& shop = with_template("<p>x");
  std::filesystem::create_directory(shop.scratch().path("elsewhere"));
  std::filesystem::create_symlink(shop.scratch().path("elsewhere"), shop.output("link"));
  const auto outcome = shop.run("under-test", "{}", "link/a.pdf");
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.code, "bad-filename");
  std::filesystem::remove(shop.output("link"));
  EXPECT_TRUE(std::filesystem::is_empty(shop.scratch().path("elsewhere")));
}

TEST(PdfGlyphs, ThatNoFontHasFailTheJobIfConfigured) {
  Workshop shop("<p>{{ text }}");
  shop.configure(R"("missing_glyphs": "fail")");
  EXPECT_EQ(shop.run("under-test", R"({"text": "Größe"})").result, SLUICE_DONE);
  const auto outcome = shop.run("under-test", R"({"text": "a \uDBEA\uDFCD"})", "b.pdf");
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.code, "missing-glyphs");
  EXPECT_THAT(outcome.error, HasSubstr("(U+10ABCD), in payload /data/text"));
  EXPECT_THAT(shop.files(), ::testing::ElementsAre("a.pdf"));
}

TEST(PdfConfiguration, IsRefusedAtTheStartIfItIsInvalid) {
  const auto refusal = [](const std::string& config) -> std::string {
    try {
      const sluice::test::LoadedPlugin plugin(SLUICE_PDF_PLUGIN, config);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(refusal("{}"), HasSubstr("/output: expected a string, found nothing"));
  EXPECT_THAT(refusal(R"({"output": "relative"})"), HasSubstr("'relative' is not the absolute path"));
  EXPECT_THAT(refusal(R"({"output": "/nowhere-at-all"})"), HasSubstr("'/nowhere-at-all' is not"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "templates": "/nowhere-at-all"})"),
              HasSubstr("is not a directory"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "time_limit_s": 0})"), HasSubstr("expected 1 to 3600"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "python": "/nowhere-at-all"})"), HasSubstr("No such file"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "memory_mb": 20})"), HasSubstr("does not start"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "exists": "append"})"), HasSubstr("expected fail, replace"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "missing_glyphs": "x"})"), HasSubstr("expected warn or fail"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "language": "xx"})"), HasSubstr("language \"xx\" is unknown"));
  EXPECT_THAT(refusal(R"({"output": "/tmp", "time_zone": "Mars"})"), HasSubstr("time zone \"Mars\""));
}

}  // namespace
