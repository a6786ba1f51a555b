#include "http_outcome.hpp"

#include <algorithm>
#include <ctime>
#include <string_view>

#include "../common/curl.hpp"
#include "body.hpp"
#include "trouble.hpp"

namespace data_sync {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

namespace {

/// The beginning of a body on one line, in printable ASCII.
std::string excerpt(const HttpResponse& response, const std::string& secret) {
  constexpr std::size_t longest = 200;
  const auto title = markup_title(response.body);
  std::string text = title && !title->empty() ? "an HTML page, '" + *title + "'" : response.body;
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
    text.replace(at, secret.size(), "***");
  }
  text.resize(std::min(text.size(), longest));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text.empty() ? "an empty body" : text;
}

bool is_retried(long status) {
  switch (status) {
    case 401:  // the operator can fix the credentials, which affect every job
    case 403:
    case 407:
    case 408:
    case 425:
    case 429:
      return true;
    default:
      return status >= 500 && status != 501;
  }
}

/// Whether the parameters of a link, like `; rel="next last"; title="x"`, contain the relation "next".
bool is_next(std::string_view parameters) {
  const std::string text = lower(parameters);
  for (std::size_t at = text.find("rel"); at != std::string::npos; at = text.find("rel", at + 1)) {
    std::string_view rest = std::string_view(text).substr(at + 3);
    const bool begins = at > 0 && (text[at - 1] == ';' || text[at - 1] == ' ' || text[at - 1] == '\t');
    const auto skip_blanks = [&] {
      while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
    };
    skip_blanks();
    if (!begins || rest.empty() || rest.front() != '=') continue;
    rest.remove_prefix(1);
    skip_blanks();
    const bool quoted = !rest.empty() && rest.front() == '"';
    if (quoted) rest.remove_prefix(1);
    const std::string_view relations = rest.substr(0, rest.find_first_of(quoted ? "\"" : "; ,\t"));
    return (" " + std::string(relations) + " ").find(" next ") != std::string::npos;
  }
  return false;
}

/// The end of a link's parameters: a comma that is not quoted.
std::size_t end_of_link(std::string_view text) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && quoted) {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (text[at] == ',' && !quoted) {
      return at;
    }
  }
  return text.size();
}

}  // namespace

void check_status(const HttpResponse& response, const std::string& what, const std::string& secret) {
  const long status = response.status;
  if (status >= 200 && status < 300) return;
  const std::string code = "http-" + std::to_string(status);
  const std::string said =
      what + " was answered with " + std::to_string(status) + ": " + excerpt(response, secret);
  const auto delay = common::retry_after(response.header("retry-after"), std::time(nullptr));
  if (status == 401 || status == 403 || status == 407) {
    throw Trouble(code, said + "; check token_file, oauth and headers", delay);
  }
  if (is_retried(status)) throw Trouble(code, said, delay);
  if (status >= 300 && status < 400) {
    throw sluice::PermanentError(code, said + "; redirects are not followed, set url to the target");
  }
  throw sluice::PermanentError(code, said);
}

std::string next_link(const std::string& header) {
  std::string_view rest = header;
  for (std::size_t open = rest.find('<'); open != std::string_view::npos; open = rest.find('<')) {
    const std::size_t close = rest.find('>', open);
    if (close == std::string_view::npos) return {};
    const std::string_view target = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    const std::size_t end = end_of_link(rest);
    if (is_next(rest.substr(0, end))) return std::string(target);
    rest.remove_prefix(end);
  }
  return {};
}

}  // namespace data_sync
