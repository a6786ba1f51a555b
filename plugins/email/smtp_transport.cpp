#include "smtp_transport.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "../common/curl.hpp"
#include "verdict.hpp"

namespace email {

namespace {

/// The mail while libcurl reads it piece by piece.
struct Upload {
  std::string_view rest;
  const sluice::Job& job;
  Dialogue& dialogue;
  bool needs_smtputf8;
  std::chrono::steady_clock::time_point end;  // the attempt is stopped then
};

std::size_t give_content(char* to, std::size_t size, std::size_t count, void* upload_pointer) {
  auto& upload = *static_cast<Upload*>(upload_pointer);
  // If the server does not offer SMTPUTF8, libcurl continues anyway, but the mail would not be delivered.
  if (upload.needs_smtputf8 && !upload.dialogue.is_beyond_ascii()) return CURL_READFUNC_ABORT;
  const std::size_t bytes = std::min(size * count, upload.rest.size());
  std::memcpy(to, upload.rest.data(), bytes);
  upload.rest.remove_prefix(bytes);
  if (upload.rest.empty()) upload.dialogue.content_sent();
  return bytes;
}

// After the whole mail was sent, the server's answer is awaited even if the job is cancelled, so that the
// mail is not sent twice. `end` is for servers that do not answer QUIT, which libcurl's own timeout does not
// cover.
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

/// libcurl reads the name for EHLO from the URL's path.
std::string url_with_name(const SmtpConfig& config) {
  std::string url = config.url;
  if (url.back() != '/') url += '/';
  for (const char c : config.ehlo_name) {
    if (c == '[') {
      url += "%5B";
    } else if (c == ']') {
      url += "%5D";
    } else {
      url += c;
    }
  }
  return url;
}

#if LIBCURL_VERSION_NUM >= 0x080200
constexpr CURLoption allow_rejected = CURLOPT_MAIL_RCPT_ALLOWFAILS;
#else
constexpr CURLoption allow_rejected = CURLOPT_MAIL_RCPT_ALLLOWFAILS;
#endif

/// MAIL was sent without SMTPUTF8 although the mail needs it. libcurl omits it if the server does not offer
/// it.
bool lacks_smtputf8(const Mail& mail, const Attempt& attempt) {
  return mail.needs_smtputf8 && attempt.code != CURLE_OK && !attempt.dialogue.recipients().empty() &&
         !attempt.dialogue.is_beyond_ascii();
}

void fill(Receipt& receipt, const Mail& mail, const Dialogue& dialogue) {
  receipt.reply = dialogue.last().text;
  const auto& replies = dialogue.recipients();
  for (std::size_t i = 0; i < mail.recipients.size(); ++i) {
    const std::string& mailbox = mail.recipients[i];
    if (i >= replies.size() || !replies[i].refuses()) {
      receipt.accepted.push_back(mailbox);
    } else if (verdict_on("RCPT ", replies[i]).is_final) {
      receipt.rejected.push_back({mailbox, replies[i].text});
    } else {
      receipt.deferred.push_back({mailbox, replies[i].text});
    }
  }
}

}  // namespace

SmtpTransport::SmtpTransport(const SmtpConfig& config, AccessTokens* tokens)
    : config_(config),
      tokens_(tokens),
      url_(url_with_name(config)),
      logins_(config.logins),
      curl_(common::make_curl()) {}

// When libcurl closes the kept connection, it sends QUIT and waits up to two minutes for the answer. Shutting
// down the receiving side keeps this from delaying the plugin's shutdown.
SmtpTransport::~SmtpTransport() {
  curl_socket_t kept = CURL_SOCKET_BAD;
  curl_easy_getinfo(curl_.get(), CURLINFO_ACTIVESOCKET, &kept);
  if (kept != CURL_SOCKET_BAD) ::shutdown(kept, SHUT_RD);
}

template <class Value>
void SmtpTransport::set(CURLoption option, Value value) {
  common::set_option(curl_.get(), option, value);
}

void SmtpTransport::set_server(Time end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROXY, "");  // the environment's proxies are for the web
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_USE_SSL, use_ssl(config_.starttls));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!config_.ca_file.empty()) set(CURLOPT_CAINFO, config_.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(left.count())));
  if (!config_.user.empty()) set_login();
}

void SmtpTransport::set_login() {
  std::string options;
  for (const std::string& login : logins_) options += (options.empty() ? "AUTH=" : ";AUTH=") + login;
  set(CURLOPT_LOGIN_OPTIONS, options.c_str());
  set(CURLOPT_SASL_IR, 1L);
  set(CURLOPT_USERNAME, config_.user.c_str());
  if (tokens_ == nullptr) return set(CURLOPT_PASSWORD, config_.password.get().c_str());
  token_ = tokens_->get();
  set(CURLOPT_XOAUTH2_BEARER, token_.c_str());
}

Attempt SmtpTransport::attempt(const Mail& mail, const sluice::Job& job, Time end, bool on_new_connection) {
  Attempt attempt;
  std::array<char, CURL_ERROR_SIZE> error{};
  // One second more, so that libcurl's own timeout comes first.
  Upload upload{mail.text, job, attempt.dialogue, mail.needs_smtputf8, end + std::chrono::seconds(1)};
  const common::CurlList recipients(mail.recipients);
  curl_easy_reset(curl_.get());  // keeps the connection
  set_server(end);
  set(CURLOPT_FRESH_CONNECT, on_new_connection ? 1L : 0L);
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_VERBOSE, 1L);  // otherwise note_dialogue would not be called
  set(CURLOPT_DEBUGFUNCTION, &note_dialogue);
  set(CURLOPT_DEBUGDATA, &attempt.dialogue);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &stop_when_cancelled);
  set(CURLOPT_XFERINFODATA, &upload);
  set(CURLOPT_MAIL_FROM, mail.sender.c_str());
  set(CURLOPT_MAIL_RCPT, recipients.get());
  set(allow_rejected, config_.on_rejected == OnRejected::deliver ? 1L : 0L);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &give_content);
  set(CURLOPT_READDATA, &upload);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));  // announced to the server
  attempt.code = curl_easy_perform(curl_.get());
  attempt.error = error[0] != '\0' ? error.data() : curl_easy_strerror(attempt.code);
  return attempt;
}

/// Whether the server had already closed the kept connection, which is not a failure of this mail.
bool SmtpTransport::lost_idle_connection(const Attempt& attempt) const {
  constexpr int closing = 421;
  long connects = 1;
  curl_easy_getinfo(curl_.get(), CURLINFO_NUM_CONNECTS, &connects);
  const int refusal = attempt.dialogue.refusal().code;
  return connects == 0 && !attempt.dialogue.is_content_sent() && (refusal == 0 || refusal == closing) &&
         attempt.code != CURLE_ABORTED_BY_CALLBACK && attempt.code != CURLE_OPERATION_TIMEDOUT;
}

/// Whether the server refused one login method and there is another; logins_ then has only the others. If a
/// method worked before, no other is tried: the password was probably changed, and further attempts could
/// lock the account.
bool SmtpTransport::may_log_in_otherwise(const Attempt& attempt) {
  constexpr int permanent = 500;
  const Dialogue& dialogue = attempt.dialogue;
  const bool refused = attempt.code == CURLE_LOGIN_DENIED &&
                       (dialogue.refusal().code >= permanent || !dialogue.token_error().empty());
  if (!refused || dialogue.login().empty() || has_logged_in_) return false;
  logins_.erase(std::remove(logins_.begin(), logins_.end(), dialogue.login()), logins_.end());
  return !logins_.empty();
}

Attempt SmtpTransport::attempt_by_any_login(const Mail& mail, const sluice::Job& job) {
  const Time end = std::chrono::steady_clock::now() + config_.timeout;
  Attempt result = attempt(mail, job, end, false);
  if (result.code != CURLE_OK && lost_idle_connection(result)) result = attempt(mail, job, end, true);
  if (result.code == CURLE_LOGIN_DENIED && tokens_ != nullptr && tokens_->forget(token_)) {
    result = attempt(mail, job, end, true);
  }
  while (may_log_in_otherwise(result)) {
    Attempt next = attempt(mail, job, end, true);
    // If the server offers none of the remaining methods, its answer to the previous one is more useful.
    if (next.code == CURLE_LOGIN_DENIED && next.dialogue.login().empty()) break;
    result = std::move(next);
  }
  has_logged_in_ = has_logged_in_ || result.dialogue.is_logged_in();
  if (result.code == CURLE_LOGIN_DENIED) {
    logins_ = config_.logins;
    has_logged_in_ = false;
  }
  return result;
}

sluice::Result SmtpTransport::send(const Mail& mail, const sluice::Job& job, Receipt& receipt) {
  const Attempt result = attempt_by_any_login(mail, job);
  curl_easy_reset(curl_.get());  // drops the pointers to local variables
  if (lacks_smtputf8(mail, result) && !job.is_cancelled()) {
    throw sluice::PermanentError("no-smtputf8",
                                 config_.url +
                                     " does not offer SMTPUTF8, which this mail needs because an address "
                                     "is not ASCII before its @");
  }
  if (result.code == CURLE_OK) fill(receipt, mail, result.dialogue);
  return outcome_of(result, config_.url);
}

}  // namespace email
