#include "webhook_outcome.hpp"

#include <algorithm>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "../common/curl.hpp"

namespace notification {

namespace {

constexpr std::size_t longest_quote = 200;  // bytes

/// Printable ASCII, because the answer can have any encoding and is shown in logs and terminals.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (is_space && (text.empty() || text.back() == ' ')) continue;
    text += is_space ? ' ' : (c > ' ' && c < 0x7F ? c : '?');
  }
  return text;
}

/// Many servers repeat the path in their error pages, and the path can contain a token.
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

std::string said(const Answer& answer, const Endpoint& endpoint) {
  return endpoint.origin + " answered " + std::to_string(answer.status) + quote(answer, endpoint);
}

sluice::Result outcome_of(const Answer& answer, const Endpoint& endpoint) {
  if (answer.code == CURLE_ABORTED_BY_CALLBACK) return sluice::cancelled();
  if (answer.code != CURLE_OK) {
    return sluice::retry(common::http_error(answer.code),
                         "posting to " + endpoint.origin + " failed: " + answer.error);
  }
  if (answer.status >= 200 && answer.status < 300) return sluice::done();
  std::string words = said(answer, endpoint);
  if (answer.status < 200 || answer.status > 599) {
    return sluice::retry("http-protocol", words + "; this status is invalid for a POST");
  }
  std::string code = "http-" + std::to_string(answer.status);
  if (answer.status == 410) return sluice::fail(std::move(code), std::move(words));
  if (answer.status < 400) words += "; redirects are not followed, set url to the target";
  auto result = sluice::retry(std::move(code), std::move(words));
  const auto delay = common::retry_after(answer.retry_after, std::time(nullptr));
  if (delay && delay->count() > 0) result.after(*delay);
  return result;
}

}  // namespace notification
