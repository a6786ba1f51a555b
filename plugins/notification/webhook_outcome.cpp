#include "webhook_outcome.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

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

std::string quote(const Answer& answer, const Endpoint& endpoint) {
  std::string text = printable(answer.body);
  hide(text, endpoint.target);
  hide(text, endpoint.target.substr(0, endpoint.target.find('?')));
  if (text.empty()) return {};
  return ": " + (text.size() <= longest_quote ? text : text.substr(0, longest_quote) + "...");
}

}  // namespace

std::chrono::seconds delay_of(const std::string& retry_after, std::time_t now) {
  const std::size_t begin = std::min(retry_after.find_first_not_of(" \t"), retry_after.size());
  const std::size_t end = retry_after.find_last_not_of(" \t\r\n") + 1;
  if (begin >= end) return {};
  const std::string value = retry_after.substr(begin, end - begin);
  constexpr std::chrono::seconds longest = longest_delay;
  if (value.find_first_not_of("0123456789") == std::string::npos) {
    return value.size() > 9 ? longest : std::min(std::chrono::seconds(std::stol(value)), longest);
  }
  const std::time_t date = curl_getdate(value.c_str(), nullptr);
  return std::clamp(std::chrono::seconds(date == -1 ? 0 : date - now), std::chrono::seconds(0), longest);
}

std::string said(const Answer& answer, const Endpoint& endpoint) {
  return endpoint.origin + " answered " + std::to_string(answer.status) + quote(answer, endpoint);
}

sluice::Result outcome_of(const Answer& answer, const Endpoint& endpoint) {
  if (answer.code == CURLE_ABORTED_BY_CALLBACK) return sluice::cancelled();
  if (answer.code != CURLE_OK) {
    return sluice::retry(std::string(trouble_on_the_way(answer.code)),
                         "posting to " + endpoint.origin + " failed: " + answer.error);
  }
  if (answer.status >= 200 && answer.status < 300) return sluice::done();
  std::string words = said(answer, endpoint);
  if (answer.status < 200 || answer.status > 599) {
    return sluice::retry("http-protocol", words + "; this status is no answer to a POST");
  }
  std::string code = "http-" + std::to_string(answer.status);
  if (answer.status == 410) return sluice::fail(std::move(code), std::move(words));
  if (answer.status < 400) words += "; redirects are not followed, set url to where it leads";
  auto result = sluice::retry(std::move(code), std::move(words));
  const std::chrono::seconds delay = delay_of(answer.retry_after, std::time(nullptr));
  if (delay.count() > 0) result.after(delay);
  return result;
}

}  // namespace notification
