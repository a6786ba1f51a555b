#include "verdict.hpp"

#include <algorithm>
#include <array>

#include "encoding.hpp"

namespace email {

namespace {

struct Sign {
  std::string_view words;  // of the server's reply, in lower case
  std::string_view hint;
};

constexpr std::string_view relaying =
    "the server relays no mail from here to that domain: check user and password, or url";
constexpr std::string_view quota = "an account's limit is reached: wait, or ask the provider to raise it";
constexpr std::string_view send_as =
    "the account can't send as this sender: check from, envelope_from and the rights of user";
constexpr std::string_view paused = "the provider has paused this account's sending; its website says why";
constexpr std::string_view blocked = "the server refuses this machine's address or domain, not this mail";
constexpr std::string_view proof =
    "the sender's domain is not verified: check its SPF, DKIM and DMARC records";
constexpr std::string_view greeting = "the server rejects our name in EHLO: check ehlo_name";
constexpr std::string_view login = "check user and password of the plugin's configuration";

// In order: the first match counts.
constexpr std::array<Sign, 54> signs{{
    {"authentication required", login},
    {"must issue a starttls", "the server requires TLS: check starttls and url"},
    {"5.7.57", login},
    {"fully-qualified", greeting},
    {"fully qualified", greeting},
    {"helo command rejected", greeting},
    {"invalid helo", greeting},
    {"relay", relaying},
    {"5.7.64", relaying},
    {"rcpthosts", relaying},
    {"sendasdenied", send_as},
    {"send as", send_as},
    {"send on behalf", send_as},
    {"not owned by user", send_as},
    {"sender address rejected", send_as},
    {"sender rejected", send_as},
    {"sender denied", send_as},
    {"not authorized to send", send_as},
    {"not allowed to send", send_as},
    {"email address is not verified", send_as},
    {"5.7.60", send_as},
    {"5.1.8", send_as},
    {"sending paused", paused},
    {"sending has been paused", paused},
    {"5.7.501", paused},
    {"5.7.502", paused},
    {"5.7.503", paused},
    {"5.7.705", quota},
    {"emails per hour", quota},
    {"5.4.5", quota},
    {"5.2.2", quota},
    {"sending limit", quota},
    {"sending quota", quota},
    {"over quota", quota},
    {"quota exceeded", quota},
    {"mailbox full", quota},
    {"mailbox is full", quota},
    {"rate limit", quota},
    {"too many messages", quota},
    {"too many mails", quota},
    {"5.7.23", proof},
    {"5.7.750", proof},
    {"5.7.708", blocked},
    {"5.7.26", proof},
    {"dmarc", proof},
    {"client host", blocked},
    {"spamhaus", blocked},
    {"blocklist", blocked},
    {"blacklist", blocked},
    {"block list", blocked},
    {"black list", blocked},
    {"reputation", blocked},
    {"from this ip", blocked},
}};

// Signs of a problem of this recipient or this mail. Retrying is useless, whatever else the reply says.
constexpr std::array<std::string_view, 7> unknown_recipient{"5.1.1",
                                                            "5.1.10",
                                                            "user unknown",
                                                            "unknown user",
                                                            "no such user",
                                                            "unknown recipient",
                                                            "recipient unknown"};
constexpr std::array<std::string_view, 5> unwanted_content{"content filter", "content rejected", "virus",
                                                           "malware", "attachment"};

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

bool is_about_size(const Reply& reply) {
  const std::string text = small_letters(reply.text);
  return text.find("5.3.4") != std::string::npos || text.find("5.2.3") != std::string::npos ||
         (reply.code == 552 && text.find("5.2.2") == std::string::npos &&
          text.find("quota") == std::string::npos);
}

template <typename Words>
bool says_any(const Reply& reply, const Words& words) {
  const std::string text = small_letters(reply.text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// Without the addresses, because they can contain any of the words.
std::string without_addresses(const std::string& text) {
  std::string rest;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('<', at), text.size());
    const std::size_t close = text.find('>', open);
    rest.append(text, at, open - at);
    at = close == std::string::npos ? text.size() : close + 1;
  }
  return rest;
}

std::string_view hint_in(const Reply& reply) {
  const std::string text = small_letters(without_addresses(reply.text));
  const auto* const found = std::find_if(signs.begin(), signs.end(), [&](const Sign& sign) {
    return text.find(sign.words) != std::string::npos;
  });
  return found == signs.end() ? std::string_view() : found->hint;
}

/// 500, 502, 503, 504: a command or its order was not understood, RFC 5321, 4.2.4.
bool is_about_the_protocol(int code) {
  constexpr int unknown_command = 500;
  constexpr int first_of_others = 502;
  constexpr int last_of_others = 504;
  return code == unknown_command || (code >= first_of_others && code <= last_of_others);
}

}  // namespace

Verdict verdict_on(std::string_view command, const Reply& reply) {
  constexpr int permanent = 500;
  const bool to_recipient = begins_with(command, "RCPT ");
  const bool to_sender = begins_with(command, "MAIL ");
  const bool about_the_mail =
      to_recipient || to_sender || begins_with(command, "DATA") || command == "the message";
  std::string hint(hint_in(reply));
  if (!about_the_mail) return {false, "check url, user and password of the plugin's configuration"};
  if (reply.code < permanent) return {false, hint};
  if (reply.code >= 530 && reply.code <= 538) return {false, std::string(login)};  // RFC 4954, 6
  if (is_about_size(reply)) return {true, {}};
  if (to_recipient && says_any(reply, unknown_recipient)) return {true, {}};
  if (!to_recipient && !to_sender && says_any(reply, unwanted_content)) return {true, {}};
  if (!hint.empty()) return {false, hint};
  if (is_about_the_protocol(reply.code)) {
    return {false, reply.code == 504 ? std::string(greeting) : "the server did not understand the command"};
  }
  if (to_sender) return {false, std::string(send_as)};
  return {true, {}};
}

}  // namespace email
