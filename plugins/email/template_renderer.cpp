#include "template_renderer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <rapidjson/document.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <optional>
#include <sluice/result.hpp>
#include <system_error>
#include <vector>

#include "trouble.hpp"

namespace email {

namespace {

using namespace std::chrono_literals;

constexpr auto time_limit = 30s;                // for one mail; the first includes the start of Python
constexpr int milliseconds_between_looks = 50;  // how often cancellation is checked
constexpr rlim_t memory_limit = rlim_t{1} << 30U;
constexpr std::string_view files = R"(,"files":["subject.txt","template.txt","template.html"]})";

class SpawnActions {
 public:
  explicit SpawnActions(int socket) {
    posix_spawn_file_actions_init(&raw_);
    posix_spawn_file_actions_adddup2(&raw_, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&raw_, socket, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&raw_, STDERR_FILENO + 1);
  }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&raw_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &raw_; }

 private:
  posix_spawn_file_actions_t raw_{};
};

/// For posix_spawn, with a null at the end.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The payload's text on one line, with the list of files to render added. Numbers keep their digits.
std::string request_of(std::string_view payload) {
  std::string line(payload.substr(0, payload.rfind('}')));
  for (char& c : line) c = c == '\n' || c == '\r' ? ' ' : c;
  return line.append(files) + '\n';
}

std::optional<std::string> member(const rapidjson::Document& json, const char* name) {
  const auto found = json.FindMember(name);
  if (found == json.MemberEnd() || !found->value.IsString()) return std::nullopt;
  return std::string(found->value.GetString(), found->value.GetStringLength());
}

/// A subject is one line, even if its template has several.
std::string on_one_line(const std::string& text) {
  std::string line;
  for (const char c : trimmed(text)) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank) line += c;
    if (blank && line.back() != ' ') line += ' ';
  }
  return line;
}

}  // namespace

TemplateRenderer::TemplateRenderer(const TemplateConfig& config) : config_(config) {
  start();
  ask("{}\n", nullptr);  // it answers with an error, which shows that it works
}

TemplateRenderer::~TemplateRenderer() {
  stop();
}

void TemplateRenderer::fail(const std::string& why) {
  stop();
  throw Trouble("template-renderer", "rendering with " + config_.python + " " + config_.program +
                                         " failed: " + why + "; it needs the packages of pdf.generate");
}

void TemplateRenderer::start() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    fail(std::generic_category().message(errno));
  }
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  std::vector<std::string> words{config_.python, "-B", "-s", config_.program, config_.directory};
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> variables = pointers_to(environment);
  const SpawnActions actions(theirs.get());
  const int error =
      ::posix_spawn(&pid_, words[0].c_str(), actions.get(), nullptr, arguments.data(), variables.data());
  if (error != 0) {
    pid_ = -1;
    fail(std::generic_category().message(error));
  }
  const rlimit memory{memory_limit, memory_limit};
  ::prlimit(pid_, RLIMIT_AS, &memory, nullptr);
}

void TemplateRenderer::stop() {
  socket_ = Descriptor(-1);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::string TemplateRenderer::ask(std::string_view request, const sluice::Job* job) {
  const auto end = std::chrono::steady_clock::now() + time_limit;
  std::string answer;
  std::array<char, 65536> chunk{};
  while (answer.empty() || answer.back() != '\n') {
    if (job != nullptr && job->is_cancelled()) fail("the job was cancelled");
    if (std::chrono::steady_clock::now() > end) fail("it took longer than 30 s");
    const auto wanted = static_cast<short>(request.empty() ? POLLIN : POLLIN | POLLOUT);
    pollfd ready{socket_.get(), wanted, 0};
    ::poll(&ready, 1, milliseconds_between_looks);
    if ((ready.revents & POLLOUT) != 0) {
      const ssize_t sent = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
      if (sent > 0) request.remove_prefix(static_cast<std::size_t>(sent));
    }
    if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t size = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) fail("it ended; its output is in the log");
    answer.append(chunk.data(), static_cast<std::size_t>(size));
  }
  return answer;
}

Rendered TemplateRenderer::render(const sluice::Job& job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pid_ <= 0) start();
  const std::string answer = ask(request_of(job.payload_text()), &job);
  rapidjson::Document json;
  json.Parse(answer.data(), answer.size());
  if (json.HasParseError() || !json.IsObject())
    fail("its answer is not a JSON object: " + answer.substr(0, 200));
  if (const auto code = member(json, "error")) {
    throw sluice::PermanentError(*code, member(json, "message").value_or(""));
  }
  Rendered rendered{member(json, "subject.txt"), member(json, "template.txt"), member(json, "template.html")};
  if (rendered.subject) rendered.subject = on_one_line(*rendered.subject);
  return rendered;
}

}  // namespace email
