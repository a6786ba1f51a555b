// A plugin with its own directories for one test, and functions to inspect its documents.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/loaded_plugin.hpp"
#include "support/scratch.hpp"

namespace sluice::test {

/// The standard output of a command. Throws std::runtime_error if it fails.
std::string printed_by(const std::string& command);

std::string quoted(const std::string& text);

/// The process ids of the renderers that this process has started and that still run.
std::vector<int> renderers();
/// True if the process and all its threads have ended, or it waits to be reaped.
bool has_ended(int pid);
/// The CPU time of a process, in the kernel's ticks.
long cpu_ticks(int pid);

class Workshop {
 public:
  /// With the plugin's own templates.
  static Workshop with_shipped_templates() { return Workshop(); }
  /// With one template, `under-test`.
  explicit Workshop(const std::string& html) { add_template("under-test", html); }

  Workshop& add_template(const std::string& name, const std::string& html);
  /// Members of the configuration, as in `"memory_mb": 512`.
  Workshop& configure(const std::string& members) {
    more_ += ", " + members;
    return *this;
  }

  /// Loaded at the first call.
  LoadedPlugin& plugin();
  std::string config() const;

  testing::Outcome run(testing::FakeJob& job) { return plugin().run("pdf.generate", job); }
  /// Runs a job with that template and data.
  testing::Outcome run(const std::string& name, const std::string& data,
                       const std::string& filename = "a.pdf", const std::string& job_id = "job-1");
  /// Runs `under-test` without data.
  testing::Outcome run() { return run("under-test", "{}"); }

  /// Removes what jobs have written.
  void clear_output() const;

  const Scratch& scratch() const { return scratch_; }
  std::string output(const std::string& filename = "") const {
    return scratch_.path("output" + (filename.empty() ? "" : "/" + filename));
  }
  std::vector<std::string> files() const;
  int pages(const std::string& filename) const;
  std::string text(const std::string& filename) const;

 private:
  Workshop();

  Scratch scratch_;
  std::string more_;
  bool own_templates_ = false;
  std::optional<LoadedPlugin> plugin_;
};

std::string payload(const std::string& name, const std::string& data, const std::string& filename);

/// A suite whose tests share one plugin, because starting a renderer takes about a second. Each suite derives
/// from it with itself as `Suite`.
template <class Suite>
class SharedWorkshop : public ::testing::Test {
 protected:
  static void TearDownTestSuite() { shop_.reset(); }

  /// With one template, `under-test`, and an empty output directory.
  static Workshop& with_template(const std::string& html) {
    if (!shop_) shop_ = std::make_unique<Workshop>(html);
    shop_->add_template("under-test", html);
    shop_->clear_output();
    return *shop_;
  }
  static Workshop& with_shipped_templates() {
    if (!shop_) shop_.reset(new Workshop(Workshop::with_shipped_templates()));
    shop_->clear_output();
    return *shop_;
  }

 private:
  static inline std::unique_ptr<Workshop> shop_;
};

/// Jobs that run one after the other, with one plugin and one renderer.
class PdfDocuments : public SharedWorkshop<PdfDocuments> {};

}  // namespace sluice::test
