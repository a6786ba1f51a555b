#include "renderer.hpp"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace pdf {

namespace {

using namespace std::chrono_literals;

constexpr auto start_limit = 60s;            // a cold disk makes the first start slow
constexpr auto time_between_looks = 20ms;    // how often cancellation is checked
constexpr int documents_of_a_process = 500;  // then it is replaced, to free its memory

std::string frame(std::string_view content) {
  const auto size = static_cast<std::uint32_t>(content.size());
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes.append(content);
}

/// Removes the first frame from `bytes` and returns it; std::nullopt if it is incomplete.
std::optional<std::string_view> take_frame(std::string_view& bytes) {
  constexpr std::size_t header = 4;
  if (bytes.size() < header) return std::nullopt;
  std::size_t size = 0;
  for (const char c : bytes.substr(0, header)) size = size << 8 | static_cast<unsigned char>(c);
  if (bytes.size() - header < size) return std::nullopt;
  const std::string_view content = bytes.substr(header, size);
  bytes.remove_prefix(header + size);
  return content;
}

/// The reply if it is complete: the JSON and the document.
std::optional<Rendering> reply_in(std::string_view bytes) {
  const auto reply = take_frame(bytes);
  const auto document = reply ? take_frame(bytes) : std::nullopt;
  if (!document) return std::nullopt;
  return Rendering{Ended::replied, std::string(*reply), std::string(*document), {}};
}

std::string header_of(std::string_view mark, const RendererSettings& settings) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  writer.Key("mark");
  writer.String(mark.data(), static_cast<rapidjson::SizeType>(mark.size()));
  writer.Key("seconds");
  writer.Int64(settings.time_limit.count());
  writer.Key("missing");
  writer.String(settings.missing_glyphs.c_str());
  writer.EndObject();
  return buffer.GetString();
}

/// Sends as much as the socket accepts at once. Returns false if the other end is closed.
bool send_some(int socket, std::string_view& bytes) {
  const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  bytes.remove_prefix(static_cast<std::size_t>(sent));
  return true;
}

/// Reads what has arrived. Returns false if the other end is closed.
bool receive_some(int socket, std::string& bytes) {
  std::array<char, 65536> chunk;
  const ssize_t size = recv(socket, chunk.data(), chunk.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  bytes.append(chunk.data(), static_cast<std::size_t>(size));
  return size > 0;
}

/// Waits a moment until `child` can be read or written, and does so. Returns false if it has closed its
/// socket.
bool pump(Child& child, std::string_view& request, std::string& received) {
  const auto wanted = static_cast<short>(request.empty() ? POLLIN : POLLIN | POLLOUT);
  std::array<pollfd, 2> ready{{{child.socket(), wanted, 0}, {child.printed(), POLLIN, 0}}};
  poll(ready.data(), ready.size(), static_cast<int>(std::chrono::milliseconds(time_between_looks).count()));
  if (ready[1].revents != 0) child.collect();
  if ((ready[0].revents & POLLOUT) != 0 && !send_some(child.socket(), request)) return false;
  if ((ready[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
  return receive_some(child.socket(), received);
}

std::string describe(int wait_status) {
  if (!WIFSIGNALED(wait_status))
    return "it ended with exit status " + std::to_string(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ") ended it";
}

}  // namespace

void Renderer::start() {
  const Rendering first = launch([] { return false; });
  if (first.ended == Ended::replied) return;
  const std::string why = first.ended == Ended::died ? first.death : "it was not ready after 60 s";
  throw std::runtime_error(
      "the renderer, " + settings_.python + " " + settings_.script + ", does not start: " + why +
      "; it needs the packages of tests/install-packages.sh pdf, and memory_mb of memory");
}

Rendering Renderer::launch(const std::function<bool()>& cancelled) {
  child_ = std::make_unique<Child>(
      std::vector<std::string>{settings_.python, "-B", "-s", settings_.script, settings_.templates,
                               std::to_string(settings_.memory_mb), settings_.language, settings_.time_zone});
  documents_ = 0;
  return exchange({}, std::chrono::steady_clock::now() + start_limit, cancelled);
}

Rendering Renderer::render(std::string_view payload, std::string_view mark,
                           const std::function<bool()>& cancelled) {
  if (!child_ || !child_->is_running() || documents_ >= documents_of_a_process) {
    Rendering ready = launch(cancelled);
    if (ready.ended != Ended::replied) return ready;
  }
  ++documents_;
  const std::string request = frame(header_of(mark, settings_)) + frame(payload);
  return exchange(request, std::chrono::steady_clock::now() + settings_.time_limit, cancelled);
}

Rendering Renderer::exchange(std::string_view request, Time deadline,
                             const std::function<bool()>& cancelled) {
  std::string received;
  for (;;) {
    if (!pump(*child_, request, received)) return buried();
    if (auto reply = reply_in(received)) return std::move(*reply);
    const bool is_cancelled = cancelled();
    if (!is_cancelled && std::chrono::steady_clock::now() < deadline) continue;
    stop();
    return {is_cancelled ? Ended::cancelled : Ended::over_time, {}, {}, {}};
  }
}

/// The result for a process that closed its socket.
Rendering Renderer::buried() {
  const int status = child_->stop();
  const std::string words = child_->last_words();
  child_.reset();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return {Ended::over_time, {}, {}, {}};
  return {Ended::died, {}, {}, describe(status) + (words.empty() ? "" : "; it printed: " + words)};
}

}  // namespace pdf
