#include "access_token.hpp"

#include <rapidjson/pointer.h>

#include <algorithm>
#include <cstddef>

#include "../common/curl.hpp"
#include "../common/encoding.hpp"
#include "json.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_answer = 1U << 20U;
constexpr std::chrono::seconds margin = 30s;       // a token is replaced this long before it expires
constexpr std::chrono::seconds usual_life = 300s;  // if the server does not say how long
constexpr std::chrono::seconds longest_life = 24h;

Endpoint token_endpoint_of(const Endpoint& endpoint) {
  Endpoint token(endpoint.oauth->token_url);
  token.allow_private = endpoint.allow_private;
  token.ca_file = endpoint.ca_file;
  token.connect_timeout = endpoint.connect_timeout;
  token.timeout = endpoint.timeout;
  return token;
}

/// "expires_in", which some servers write as a text.
std::chrono::seconds life_of(const rapidjson::Document& answer) {
  const rapidjson::Value* const found = rapidjson::Pointer("/expires_in").Get(answer);
  const std::string text = found == nullptr ? std::string() : plain(*found);
  const bool digits =
      !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::min<std::chrono::seconds>(std::chrono::seconds(std::stol(text)), longest_life)
                : usual_life;
}

}  // namespace

AccessToken::AccessToken(const Endpoint& endpoint)
    : oauth_(*endpoint.oauth), token_endpoint_(token_endpoint_of(endpoint)), client_(token_endpoint_) {}

bool AccessToken::is_cached() const {
  return !token_.empty() && Clock::now() < expires_;
}

std::string AccessToken::get(const sluice::Job& job) {
  if (is_cached()) return token_;
  const std::string what = "getting an access token from " + oauth_.token_url.shown();
  try {
    const rapidjson::Document answer = parse_json(ask(job).body);
    const rapidjson::Value* const token = rapidjson::Pointer("/access_token").Get(answer);
    if (token == nullptr || !is_text(*token))
      throw Trouble("oauth", what + ": the answer has no access_token");
    token_ = plain(*token);
    expires_ = Clock::now() + std::max<std::chrono::seconds>(life_of(answer) - margin, 1s);
    return token_;
  } catch (const sluice::PermanentError& error) {
    throw Trouble("oauth",
                  what + ": " + error.what() + "; check client_id, client_secret_file and scope of oauth");
  } catch (const BadJson& error) {
    throw Trouble("oauth", what + ": the answer is " + error.what());
  }
}

HttpResponse AccessToken::ask(const sluice::Job& job) {
  const std::string secret = read_secret(oauth_.client_secret_file);
  std::string body = "grant_type=client_credentials";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) body += "&" + name + "=" + common::percent_encoded(value);
  };
  add("scope", oauth_.scope);
  add("audience", oauth_.audience);
  HttpRequest request{oauth_.token_url, "POST", {}, &body, longest_answer, {}, secret};
  request.headers.emplace_back("Accept: application/json");
  request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
  if (oauth_.in_body) {
    add("client_id", oauth_.client_id);
    add("client_secret", secret);
  } else {
    request.headers.push_back(
        "Authorization: Basic " +
        common::base64(common::percent_encoded(oauth_.client_id) + ":" + common::percent_encoded(secret)));
  }
  return client_.send(request, job);
}

}  // namespace data_sync
