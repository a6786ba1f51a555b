#include "smtp_outcome.hpp"

#include <algorithm>
#include <string_view>

#include "../common/curl.hpp"
#include "verdict.hpp"

namespace email {

namespace {

/// The error code of an attempt that ended without a refusing reply.
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

sluice::Result to_be_retried(const std::string& code, const std::string& what, const std::string& hint) {
  return sluice::retry(code,
                       what + (hint.empty() ? "" : "; " + hint) + "; the job is retried on its schedule");
}

sluice::Result refused(const Dialogue& dialogue, const std::string& url) {
  const Reply& reply = dialogue.refusal();
  const std::string code = "smtp-" + std::to_string(reply.code);
  const std::string what = url + " answered " + dialogue.refused() + " with: " + reply.text;
  const Verdict verdict = verdict_on(dialogue.refused(), reply);
  return verdict.is_final ? sluice::fail(code, what) : to_be_retried(code, what, verdict.hint);
}

/// The result if no recipient got the mail: a retry if one of them was refused only temporarily.
sluice::Result all_refused(const Dialogue& dialogue, const std::string& url) {
  const auto& replies = dialogue.recipients();
  const auto hopeful = std::find_if(replies.begin(), replies.end(), [](const Reply& reply) {
    return reply.refuses() && !verdict_on("RCPT ", reply).is_final;
  });
  const Reply& reply = hopeful == replies.end() ? replies.back() : *hopeful;
  const std::string code = "smtp-" + std::to_string(reply.code);
  const std::string what =
      url + " refused all " + std::to_string(replies.size()) + " recipients, one of them with: " + reply.text;
  return hopeful == replies.end() ? sluice::fail(code, what)
                                  : to_be_retried(code, what, verdict_on("RCPT ", reply).hint);
}

bool are_all_refused(const Dialogue& dialogue) {
  const auto& replies = dialogue.recipients();
  return replies.size() > 1 &&
         std::all_of(replies.begin(), replies.end(), [](const Reply& reply) { return reply.refuses(); }) &&
         dialogue.refused().rfind("RCPT ", 0) == 0;
}

/// libcurl's message, and what the server said about the token if it did.
std::string words_of(const Attempt& attempt) {
  const std::string& token = attempt.dialogue.token_error();
  return token.empty() ? attempt.error : attempt.error + "; the server said about the token: " + token;
}

}  // namespace

sluice::Result outcome_of(const Attempt& attempt, const std::string& url) {
  if (attempt.code == CURLE_OK) return sluice::done();
  if (attempt.code == CURLE_ABORTED_BY_CALLBACK) return sluice::cancelled();
  std::string_view code = common::network_error(attempt.code);
  if (code.empty() && are_all_refused(attempt.dialogue)) return all_refused(attempt.dialogue, url);
  if (code.empty() && attempt.dialogue.refusal().refuses()) return refused(attempt.dialogue, url);
  if (code.empty()) code = silent_end(attempt.code);
  const bool unknown = attempt.dialogue.is_content_sent();
  return sluice::retry(std::string(code),
                       "sending to " + url + " failed: " + words_of(attempt) +
                           (unknown ? "; the server had the whole mail and may have accepted it" : ""));
}

}  // namespace email
