#include "smtp_outcome.hpp"

#include <string_view>

namespace email {

namespace {

/// The job's error code for trouble on the way; empty where a reply of the server's says more.
std::string_view trouble_on_the_way(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "dns";
    case CURLE_COULDNT_CONNECT:
      return "connect";
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return "tls-certificate";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return "tls";
    default:
      return {};
  }
}

/// For an attempt that the server ended without a word of refusal.
std::string_view silent_end(CURLcode code) {
  switch (code) {
    case CURLE_USE_SSL_FAILED:
      return "tls";
    case CURLE_LOGIN_DENIED:
      return "auth";
    case CURLE_WEIRD_SERVER_REPLY:
      return "smtp-protocol";
    default:
      return "connection-lost";
  }
}

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

/// Whether a reply is about this mail, rather than about whether we may send at all.
bool is_about_the_mail(const Dialogue& dialogue) {
  const std::string_view refused = dialogue.refused();
  const int code = dialogue.refusal().code;
  const bool wants_login = code >= 530 && code <= 538;  // RFC 4954, 6: 530, 534, 535, 538
  const bool mail_command = begins_with(refused, "MAIL ") || begins_with(refused, "RCPT ") ||
                            begins_with(refused, "DATA") || refused == "the message";
  return mail_command && !wants_login;
}

sluice::Result refused(const Dialogue& dialogue, const std::string& url) {
  const Reply& reply = dialogue.refusal();
  const std::string code = "smtp-" + std::to_string(reply.code);
  const std::string what = url + " answered " + dialogue.refused() + " with: " + reply.text;
  if (!is_about_the_mail(dialogue)) {
    return sluice::retry(code, what + "; check url, user and password of the plugin's configuration");
  }
  return reply.code >= 500 ? sluice::fail(code, what) : sluice::retry(code, what);
}

}  // namespace

sluice::Result outcome_of(const Attempt& attempt, const std::string& url) {
  if (attempt.code == CURLE_OK) return sluice::done();
  if (attempt.code == CURLE_ABORTED_BY_CALLBACK) return sluice::cancelled();
  std::string_view code = trouble_on_the_way(attempt.code);
  if (code.empty() && attempt.dialogue.refusal().refuses()) return refused(attempt.dialogue, url);
  if (code.empty()) code = silent_end(attempt.code);
  const bool unknown = attempt.dialogue.is_content_sent();
  return sluice::retry(std::string(code),
                       "sending to " + url + " failed: " + attempt.error +
                           (unknown ? "; the server had the whole mail and may have accepted it" : ""));
}

}  // namespace email
