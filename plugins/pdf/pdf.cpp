// pdf.generate: a document from a template and the payload's data, written to a directory.
#include <dlfcn.h>

#include <chrono>
#include <filesystem>
#include <sluice/plugin.hpp>
#include <string>
#include <system_error>

#include "follow_up.hpp"
#include "output.hpp"
#include "renderer.hpp"

using namespace std::chrono_literals;

namespace {

/// The path of a file that is installed with the plugin, in the folder `pdf` beside the .so file.
std::string shipped(const char* name) {
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&shipped), &self) == 0) {
    throw std::runtime_error(
        "finding the plugin's own file: dladdr failed; configure renderer and templates");
  }
  return (std::filesystem::absolute(self.dli_fname).parent_path() / "pdf" / name).string();
}

// Attempts for failures that the document causes most of the time, but the machine sometimes.
constexpr std::uint32_t most_tries_of_the_large = 2;
constexpr std::uint32_t most_tries_of_the_deadly = 3;

/// Without line ends at its end, which a text from a file or a shell can have.
std::string filename_of(const sluice::Json& payload) {
  auto filename = payload.string("filename");
  while (!filename.empty() && (filename.back() == '\n' || filename.back() == '\r')) filename.pop_back();
  return filename;
}

sluice::Result retried_until(std::uint32_t most, const sluice::Job& job, const char* code,
                             std::string message) {
  if (job.attempt() < most) return sluice::retry(code, std::move(message));
  message += "; it was tried " + std::to_string(job.attempt()) + " times, and is not retried";
  return sluice::fail(code, std::move(message));
}

pdf::RendererSettings settings_of(const sluice::Config& config) {
  return {config.string_or("python", "/usr/bin/python3"),
          config.string_or("renderer", shipped("renderer/renderer.py")),
          config.string_or("templates", shipped("templates")),
          config.integer_or("memory_mb", 1024),
          std::chrono::seconds(config.integer_or("time_limit_s", 30)),
          config.string_or("language", "en"),
          config.string_or("time_zone", "UTC"),
          config.string_or("missing_glyphs", "warn")};
}

class GeneratePdf {
 public:
  explicit GeneratePdf(const sluice::Config& config)
      : output_(config.string("output")),
        exists_(pdf::exists_of(config.string_or("exists", "fail"), "bad-configuration")),
        settings_(settings_of(config)) {
    if (!std::filesystem::is_directory(settings_.templates)) {
      throw std::runtime_error("configuration /templates: '" + settings_.templates + "' is not a directory");
    }
    if (settings_.time_limit < 1s || settings_.time_limit > 1h) {
      throw std::runtime_error("configuration /time_limit_s: expected 1 to 3600");
    }
    if (settings_.missing_glyphs != "warn" && settings_.missing_glyphs != "fail") {
      throw std::runtime_error("configuration /missing_glyphs: expected warn or fail");
    }
  }

  struct Slot {
    explicit Slot(GeneratePdf& handler) : renderer(handler.settings_) { renderer.start(); }
    pdf::Renderer renderer;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const {
    const auto payload = job.payload();
    const Order order{filename_of(payload), pdf::mark_of(job.idempotency_key()), exists_in(payload)};
    pdf::Output::check(order.filename);
    pdf::check_follow_ups(payload);
    const auto rendering =
        slot.renderer.render(job.payload_text(), order.mark, [&job] { return job.is_cancelled(); });
    switch (rendering.ended) {
      case pdf::Ended::replied:
        return replied(job, slot, rendering, order);
      case pdf::Ended::cancelled:
        return sluice::cancelled();
      case pdf::Ended::over_time:
        return retried_until(most_tries_of_the_large, job, "over-time",
                             "rendering took longer than time_limit_s, " +
                                 std::to_string(settings_.time_limit.count()) +
                                 " s; the renderer was killed");
      case pdf::Ended::died:
        return retried_until(most_tries_of_the_deadly, job, "renderer-died",
                             "the renderer died: " + rendering.death);
    }
    return sluice::fail("the renderer ended in an unknown way");
  }

 private:
  struct Order {
    std::string filename;
    std::string mark;
    pdf::Exists exists;
  };

  pdf::Exists exists_in(const sluice::Json& payload) const {
    const auto exists = payload.find("exists");
    return exists ? pdf::exists_of(exists->as_string(), "bad-payload") : exists_;
  }

  sluice::Result replied(sluice::Job& job, Slot& slot, const pdf::Rendering& rendering,
                         const Order& order) const {
    rapidjson::Document reply;
    reply.Parse(rendering.reply.c_str());
    const sluice::Json said(reply, "reply");
    if (said.find("error")) return refused(job, slot, said);
    for (const auto& warning : said.array("warnings")) job.log().warn(warning.as_string());
    pdf::Document document{{}, said.integer("pages"), rendering.document.size(), said.string("sha256")};
    try {
      document.path =
          output_.path_of(output_.publish(order.filename, rendering.document, order.mark, order.exists));
    } catch (const std::system_error& error) {
      return sluice::retry("output-unwritable", output_.path_of(order.filename) + ": " + error.what());
    }
    job.output(output_value(document, said.string("missing")));
    pdf::enqueue_follow_ups(job, document);
    return sluice::done();
  }

  static rapidjson::Document output_value(const pdf::Document& document, const std::string& missing) {
    rapidjson::Document output(rapidjson::kObjectType);
    auto& memory = output.GetAllocator();
    output.AddMember("path", rapidjson::Value(document.path.c_str(), memory), memory);
    output.AddMember("pages", document.pages, memory);
    output.AddMember("bytes", static_cast<std::uint64_t>(document.bytes), memory);
    output.AddMember("sha256", rapidjson::Value(document.sha256.c_str(), memory), memory);
    if (!missing.empty()) {
      output.AddMember("missingCharacters", rapidjson::Value(missing.c_str(), memory), memory);
    }
    return output;
  }

  sluice::Result refused(const sluice::Job& job, Slot& slot, const sluice::Json& said) const {
    const auto code = said.string("error");
    const auto message = said.string("message");
    if (code == "renderer-io") return sluice::retry(code, message);
    if (code != "over-memory") return sluice::fail(code, message);
    slot.renderer.stop();  // a new process can have more free memory than this one
    return retried_until(most_tries_of_the_large, job, "over-memory",
                         message + " than memory_mb, " + std::to_string(settings_.memory_mb) + " MB");
  }

  const pdf::Output output_;
  const pdf::Exists exists_;
  const pdf::RendererSettings settings_;
};

constexpr auto config_schema = R"({
  "type": "object",
  "required": ["output"],
  "properties": {
    "output": {"type": "string", "description": "Absolute path of the directory for the documents"},
    "templates": {"type": "string", "description": "Directory with a folder for each template"},
    "memory_mb": {"type": "integer", "minimum": 256, "description": "Address space of one renderer"},
    "time_limit_s": {"type": "integer", "minimum": 1, "maximum": 3600, "description": "Longest time for one document"},
    "exists": {"enum": ["fail", "replace", "version"], "description": "What to do if another job's document has the name"},
    "missing_glyphs": {"enum": ["warn", "fail"], "description": "What to do about characters that no font has"},
    "language": {"type": "string", "description": "Language of documents that set none, like en or pt-BR"},
    "time_zone": {"type": "string", "description": "Time zone of documents that set none, like Europe/Berlin"},
    "python": {"type": "string", "description": "Path of a Python that has WeasyPrint"},
    "renderer": {"type": "string", "description": "Path of renderer.py"}
  },
  "additionalProperties": false
})";

// The renderer is a Python program that reads templates and fonts, and whose temporary files are in /tmp. It
// has no network, whatever a template says.
constexpr auto sandbox = R"({
  "network": "none",
  "read": ["config:/templates", "config:/renderer/..", "config:/python/../.."],
  "write": ["config:/output", "/tmp"],
  "spawn": true
})";

constexpr auto payload_schema = R"({
  "type": "object",
  "required": ["template", "filename"],
  "properties": {
    "template": {"type": "string", "description": "Name of a template"},
    "data": {"type": ["object", "null"], "description": "The template's variables"},
    "filename": {"type": "string", "maxLength": 1000, "description": "Path below the output directory; ends in .pdf"},
    "exists": {"enum": ["fail", "replace", "version", null], "description": "What to do if another job's document has the name"},
    "locale": {"type": ["string", "null"], "description": "Language of money, numbers and dates, like de or pt-BR"},
    "timeZone": {"type": ["string", "null"], "description": "Time zone of times, like Europe/Berlin"},
    "password": {"type": ["string", "number", "null"], "description": "Encrypts the document; readers ask for it"},
    "ownerPassword": {"type": ["string", "number", "null"], "description": "Permits changing an encrypted document"},
    "then": {"type": ["object", "array", "null"], "description": "Follow-up jobs: {type, payload}, or a list of them"}
  }
})";

}  // namespace

SLUICE_PLUGIN(
    sluice::plugin("pdf", "1.0.0")
        .summary("Makes PDF documents from HTML templates")
        .license("Apache-2.0")
        .config_schema(config_schema)
        .sandbox(sandbox),
    sluice::job_type<GeneratePdf>("pdf.generate")
        .summary("Renders a template with data, and writes the document to the output directory")
        .schema(payload_schema)
        .example(R"({"template": "proposal", "data": {"proposalId": "123"}, "filename": "proposal-123.pdf"})")
        .timeout(2min)
        .max_attempts(12)  // 3 hours with these delays, enough to free a full disk
        .backoff(10s, 1h));
