#include "webhook_outcome.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace notification {

namespace {

constexpr std::size_t longest_quote = 200;  // bytes
constexpr std::chrono::hours longest_delay{24};

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
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9, which has no status
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR:
      return "http-protocol";
    default:
      return "connection-lost";
  }
}

/// Printable ASCII: the answer may be in any encoding, and ends up in logs and terminals.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (is_space && (text.empty() || text.back() == ' ')) continue;
    text += is_space ? ' ' : (c > ' ' && c < 0x7F ? c : '?');
  }
  return text;
}

/// Many servers repeat the path in their error pages, and the path may hold a token.
void hide(std::string& text, const std::string& secret) {
  if (secret.size() < 2) return;
  constexpr std::string_view dots = "...";
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += dots.size()) {
    text.replace(at, secret.size(), dots);
  }
}

std::string quote(const Answer& answer, const WebhookConfig& config) {
  std::string text = printable(answer.body);
  hide(text, config.target);
  hide(text, config.target.substr(0, config.target.find('?')));
  if (text.empty()) return {};
  return ": " + (text.size() <= longest_quote ? text : text.substr(0, longest_quote) + "...");
}

bool is_retried(long status) {
  switch (status) {
    case 408:  // Request Timeout
    case 409:  // Conflict: the same id is being worked on
    case 425:  // Too Early
    case 429:  // Too Many Requests
      return true;
    default:
      return status >= 500;
  }
}

sluice::Result retried(std::string code, std::string message, const Answer& answer) {
  auto result = sluice::retry(std::move(code), std::move(message));
  if (answer.retry_after.count() > 0)
    result.after(std::min<std::chrono::seconds>(answer.retry_after, longest_delay));
  return result;
}

}  // namespace

sluice::Result outcome_of(const Answer& answer, const WebhookConfig& config) {
  if (answer.code == CURLE_ABORTED_BY_CALLBACK) return sluice::cancelled();
  if (answer.code != CURLE_OK) {
    return sluice::retry(std::string(trouble_on_the_way(answer.code)),
                         "posting to " + config.origin + " failed: " + answer.error);
  }
  if (answer.status >= 200 && answer.status < 300) return sluice::done();
  const std::string code = "http-" + std::to_string(answer.status);
  const std::string said =
      config.origin + " answered " + std::to_string(answer.status) + quote(answer, config);
  if (answer.status < 200 || answer.status > 599) {
    return sluice::retry("http-protocol", said + "; this status is no answer to a POST");
  }
  if (is_retried(answer.status)) return retried(code, said, answer);
  if (answer.status < 400) {
    return sluice::fail(code, said + "; redirects are not followed, set url to where it leads");
  }
  return sluice::fail(code, said);
}

}  // namespace notification
