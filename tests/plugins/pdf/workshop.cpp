#include "workshop.hpp"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace sluice::test {

namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The fields of /proc/<pid>/stat from the state on.
std::vector<std::string> stat_of(const fs::path& process) {
  const std::string line = content(process / "stat");
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  return {std::istream_iterator<std::string>(rest), {}};
}

}  // namespace

std::string printed_by(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed for " + command);
  std::string text;
  std::array<char, 4096> chunk;
  for (std::size_t size = 0; (size = fread(chunk.data(), 1, chunk.size(), pipe)) != 0;) {
    text.append(chunk.data(), size);
  }
  if (const int status = pclose(pipe); status != 0) {
    throw std::runtime_error(command + " ended with status " + std::to_string(status));
  }
  return text;
}

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + "\"";
}

std::vector<int> renderers() {
  std::vector<int> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    const auto fields = stat_of(entry.path());
    if (fields.size() < 2 || fields[1] != std::to_string(getpid()) || fields[0] == "Z") continue;
    if (content(entry.path() / "cmdline").find("renderer.py") == std::string::npos) continue;
    found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

bool has_ended(int pid) {
  const auto fields = stat_of(fs::path("/proc") / std::to_string(pid));
  constexpr std::size_t threads = 17;  // the main thread can end while others still hold the pipes
  return fields.empty() || (fields[0] == "Z" && std::stoi(fields.at(threads)) <= 1);
}

long cpu_ticks(int pid) {
  const auto fields = stat_of(fs::path("/proc") / std::to_string(pid));
  constexpr std::size_t user = 11;  // the system time is the next field
  return fields.size() <= user + 1 ? 0 : std::stol(fields[user]) + std::stol(fields[user + 1]);
}

std::string payload(const std::string& name, const std::string& data, const std::string& filename) {
  return R"({"template": )" + quoted(name) + R"(, "data": )" + data + R"(, "filename": )" + quoted(filename) +
         "}";
}

Workshop::Workshop() {
  fs::create_directory(output());
}

Workshop& Workshop::add_template(const std::string& name, const std::string& html) {
  own_templates_ = true;
  fs::create_directories(output());
  fs::create_directories(scratch_.path("templates/" + name));
  scratch_.write("templates/" + name + "/template.html", html);
  return *this;
}

std::string Workshop::config() const {
  const std::string templates =
      own_templates_ ? R"(, "templates": )" + quoted(scratch_.path("templates")) : std::string();
  return R"({"output": )" + quoted(output()) + templates + more_ + "}";
}

LoadedPlugin& Workshop::plugin() {
  if (!plugin_) plugin_.emplace(SLUICE_PDF_PLUGIN, config());
  return *plugin_;
}

testing::Outcome Workshop::run(const std::string& name, const std::string& data, const std::string& filename,
                               const std::string& job_id) {
  testing::FakeJob job(payload(name, data, filename));
  job.id(job_id);
  return run(job);
}

void Workshop::clear_output() const {
  fs::remove_all(output());
  fs::create_directory(output());
}

std::vector<std::string> Workshop::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(output())) {
    if (!entry.is_directory()) names.push_back(fs::relative(entry.path(), output()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

int Workshop::pages(const std::string& filename) const {
  const std::string info = printed_by("pdfinfo '" + output(filename) + "'");
  const std::string label = "Pages:";
  return std::stoi(info.substr(info.find(label) + label.size()));
}

std::string Workshop::text(const std::string& filename) const {
  return printed_by("pdftotext -layout '" + output(filename) + "' -");
}

}  // namespace sluice::test
