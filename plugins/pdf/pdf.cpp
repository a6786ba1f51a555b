// pdf.generate: a document from a template and the payload's data, written to a directory.
#include <dlfcn.h>

#include <chrono>
#include <filesystem>
#include <sluice/plugin.hpp>
#include <string>
#include <system_error>

#include "output.hpp"
#include "renderer.hpp"

using namespace std::chrono_literals;

namespace {

/// What travels with the plugin: a folder `pdf` beside the .so file.
std::string shipped(const char* name) {
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&shipped), &self) == 0) {
    throw std::runtime_error(
        "finding the plugin's own file: dladdr failed; configure renderer and templates");
  }
  return (std::filesystem::absolute(self.dli_fname).parent_path() / "pdf" / name).string();
}

class GeneratePdf {
 public:
  explicit GeneratePdf(const sluice::Config& config)
      : output_(config.string("output")),
        settings_{config.string_or("python", "/usr/bin/python3"),
                  config.string_or("renderer", shipped("renderer/renderer.py")),
                  config.string_or("templates", shipped("templates")), config.integer_or("memory_mb", 1024),
                  std::chrono::seconds(config.integer_or("time_limit_s", 30))} {
    if (!std::filesystem::is_directory(settings_.templates)) {
      throw std::runtime_error("configuration /templates: '" + settings_.templates + "' is no directory");
    }
    if (settings_.time_limit < 1s || settings_.time_limit > 1h) {
      throw std::runtime_error("configuration /time_limit_s: expected 1 to 3600");
    }
  }

  struct Slot {
    explicit Slot(GeneratePdf& handler) : renderer(handler.settings_) { renderer.start(); }
    pdf::Renderer renderer;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const {
    const auto filename = job.payload().string("filename");
    pdf::Output::check(filename);
    const auto mark = pdf::mark_of(job.idempotency_key());
    const auto rendering =
        slot.renderer.render(job.payload_text(), mark, [&job] { return job.is_cancelled(); });
    switch (rendering.ended) {
      case pdf::Ended::replied:
        return replied(job, slot, rendering, filename, mark);
      case pdf::Ended::cancelled:
        return sluice::cancelled();
      case pdf::Ended::over_time:
        return sluice::retry("over-time", "rendering took longer than time_limit_s, " +
                                              std::to_string(settings_.time_limit.count()) +
                                              " s; the renderer was ended");
      case pdf::Ended::died:
        return sluice::retry("renderer-died", "the renderer died: " + rendering.death);
    }
    return sluice::fail("a renderer's end that is none of the known ones");
  }

 private:
  sluice::Result replied(sluice::Job& job, Slot& slot, const pdf::Rendering& rendering,
                         const std::string& filename, const std::string& mark) const {
    rapidjson::Document reply;
    reply.Parse(rendering.reply.c_str());
    const sluice::Json said(reply, "reply");
    if (said.find("error")) return refused(slot, said);
    for (const auto& warning : said.array("warnings")) job.log().warn(warning.as_string());
    try {
      output_.publish(filename, rendering.document, mark);
    } catch (const std::system_error& error) {
      return sluice::retry("output-unwritable", output_.path_of(filename) + ": " + error.what());
    }
    rapidjson::Document output(rapidjson::kObjectType);
    auto& memory = output.GetAllocator();
    output.AddMember("path", rapidjson::Value(output_.path_of(filename).c_str(), memory), memory);
    output.AddMember("pages", said.integer("pages"), memory);
    output.AddMember("bytes", static_cast<std::uint64_t>(rendering.document.size()), memory);
    output.AddMember("sha256", rapidjson::Value(said.string("sha256").c_str(), memory), memory);
    job.output(output);
    return sluice::done();
  }

  sluice::Result refused(Slot& slot, const sluice::Json& said) const {
    const auto code = said.string("error");
    const auto message = said.string("message");
    if (code == "renderer-io") return sluice::retry(code, message);
    if (code != "over-memory") return sluice::fail(code, message);
    slot.renderer.stop();  // a new process may have room for what this one had not
    return sluice::retry(code, message + " than memory_mb, " + std::to_string(settings_.memory_mb) + " MB");
  }

  const pdf::Output output_;
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
    "python": {"type": "string", "description": "Path of a Python that has WeasyPrint"},
    "renderer": {"type": "string", "description": "Path of renderer.py"}
  },
  "additionalProperties": false
})";

constexpr auto payload_schema = R"({
  "type": "object",
  "required": ["template", "data", "filename"],
  "properties": {
    "template": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$"},
    "data": {"type": "object"},
    "filename": {"type": "string", "pattern": "[.]pdf$", "maxLength": 1000}
  },
  "additionalProperties": false
})";

}  // namespace

SLUICE_PLUGIN(
    sluice::plugin("pdf", "1.0.0")
        .summary("Makes PDF documents from HTML templates")
        .license("Apache-2.0")
        .config_schema(config_schema),
    sluice::job_type<GeneratePdf>("pdf.generate")
        .summary("Renders a template with data, and writes the document to the output directory")
        .schema(payload_schema)
        .example(R"({"template": "proposal", "data": {"proposalId": "123"}, "filename": "proposal-123.pdf"})")
        .timeout(2min)
        .max_attempts(5)
        .backoff(5s, 10min));
