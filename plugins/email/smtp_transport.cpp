#include "smtp_transport.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace email {

namespace {

/// The mail while libcurl takes it, piece by piece.
struct Upload {
  std::string_view rest;
  const sluice::Job& job;
  Dialogue& dialogue;
  std::chrono::steady_clock::time_point end;  // no one is waited for beyond it
};

std::size_t give_content(char* to, std::size_t size, std::size_t count, void* upload_pointer) {
  auto& upload = *static_cast<Upload*>(upload_pointer);
  const std::size_t bytes = std::min(size * count, upload.rest.size());
  std::memcpy(to, upload.rest.data(), bytes);
  upload.rest.remove_prefix(bytes);
  if (upload.rest.empty()) upload.dialogue.content_sent();
  return bytes;
}

// A mail that is out is not taken back: the server's answer is waited for, so that it is not sent twice.
// The end is for servers that answer nothing, not even QUIT: libcurl's own time-out does not cover that.
int stop_when_cancelled(void* upload_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& upload = *static_cast<const Upload*>(upload_pointer);
  if (std::chrono::steady_clock::now() > upload.end) return 1;
  return upload.job.is_cancelled() && !upload.dialogue.is_content_sent() ? 1 : 0;
}

int note_dialogue(CURL*, curl_infotype kind, char* data, std::size_t size, void* dialogue_pointer) {
  auto& dialogue = *static_cast<Dialogue*>(dialogue_pointer);
  if (kind == CURLINFO_HEADER_OUT) dialogue.sent({data, size});
  if (kind == CURLINFO_HEADER_IN) dialogue.received({data, size});
  return 0;
}

/// libcurl's list of recipients.
class List {
 public:
  explicit List(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      curl_slist* longer = curl_slist_append(list_.get(), text.c_str());
      if (longer == nullptr) throw std::bad_alloc();
      (void)list_.release();
      list_.reset(longer);
    }
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list_{nullptr, &curl_slist_free_all};
};

long use_ssl(Starttls starttls) {
  switch (starttls) {
    case Starttls::required:
      return CURLUSESSL_ALL;
    case Starttls::optional:
      return CURLUSESSL_TRY;
    case Starttls::never:
      break;
  }
  return CURLUSESSL_NONE;
}

}  // namespace

SmtpTransport::SmtpTransport(const SmtpConfig& config)
    : config_(config), curl_(curl_easy_init(), &curl_easy_cleanup) {
  if (!curl_) throw std::runtime_error("libcurl could not make a handle");
}

// Closing the kept connection, libcurl says QUIT and waits two minutes for an answer: it is not to hold up
// the plugin's shutdown, so what we could still receive is cut off.
SmtpTransport::~SmtpTransport() {
  curl_socket_t kept = CURL_SOCKET_BAD;
  curl_easy_getinfo(curl_.get(), CURLINFO_ACTIVESOCKET, &kept);
  if (kept != CURL_SOCKET_BAD) ::shutdown(kept, SHUT_RD);
}

template <class Value>
void SmtpTransport::set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
  if (code == CURLE_OK) return;
  throw std::runtime_error(std::string("libcurl does not take an option: ") + curl_easy_strerror(code));
}

void SmtpTransport::set_server() {
  set(CURLOPT_URL, config_.url.c_str());
  set(CURLOPT_PROXY, "");  // the environment's proxies are for the web
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_USE_SSL, use_ssl(config_.starttls));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!config_.ca_file.empty()) set(CURLOPT_CAINFO, config_.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(config_.timeout.count()));
  if (config_.user.empty()) return;
  set(CURLOPT_USERNAME, config_.user.c_str());
  set(CURLOPT_PASSWORD, password_of(config_).c_str());
}

Attempt SmtpTransport::attempt(const Mail& mail, const sluice::Job& job, bool on_new_connection) {
  Attempt attempt;
  std::array<char, CURL_ERROR_SIZE> error{};
  // The second is what libcurl needs to see its time-out first.
  const auto end = std::chrono::steady_clock::now() + config_.timeout + std::chrono::seconds(1);
  Upload upload{mail.text, job, attempt.dialogue, end};
  const List recipients(mail.recipients);
  curl_easy_reset(curl_.get());  // which keeps the connection
  set_server();
  set(CURLOPT_FRESH_CONNECT, on_new_connection ? 1L : 0L);
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_VERBOSE, 1L);  // or the next function would not be called
  set(CURLOPT_DEBUGFUNCTION, &note_dialogue);
  set(CURLOPT_DEBUGDATA, &attempt.dialogue);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &stop_when_cancelled);
  set(CURLOPT_XFERINFODATA, &upload);
  set(CURLOPT_MAIL_FROM, mail.sender.c_str());
  set(CURLOPT_MAIL_RCPT, recipients.get());
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &give_content);
  set(CURLOPT_READDATA, &upload);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));  // announced to the server
  attempt.code = curl_easy_perform(curl_.get());
  attempt.error = error[0] != '\0' ? error.data() : curl_easy_strerror(attempt.code);
  return attempt;
}

/// Whether the server had closed the kept connection, which says nothing about this mail.
bool SmtpTransport::lost_idle_connection(const Attempt& attempt) const {
  constexpr int closing = 421;
  long connects = 1;
  curl_easy_getinfo(curl_.get(), CURLINFO_NUM_CONNECTS, &connects);
  const int refusal = attempt.dialogue.refusal().code;
  return connects == 0 && !attempt.dialogue.is_content_sent() && (refusal == 0 || refusal == closing) &&
         attempt.code != CURLE_ABORTED_BY_CALLBACK && attempt.code != CURLE_OPERATION_TIMEDOUT;
}

sluice::Result SmtpTransport::send(const Mail& mail, const sluice::Job& job, Receipt& receipt) {
  Attempt result = attempt(mail, job, false);
  if (result.code != CURLE_OK && lost_idle_connection(result)) result = attempt(mail, job, true);
  curl_easy_reset(curl_.get());  // nothing in it points into this call any more
  if (result.code == CURLE_OK) receipt["reply"] = result.dialogue.last().text;
  return outcome_of(result, config_.url);
}

}  // namespace email
