#include "access_token.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "../common/curl.hpp"
#include "encoding.hpp"
#include "trouble.hpp"

namespace email {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_answer = 65'536;
constexpr auto early = 60s;         // a token is not used any more this long before it expires
constexpr auto usual_life = 3600s;  // if the endpoint does not say how long

[[noreturn]] void fail(const std::string& endpoint, const std::string& why) {
  throw Trouble("oauth-token", "asking " + endpoint + " for an access token failed: " + why);
}

std::size_t keep_answer(char* from, std::size_t size, std::size_t count, void* answer_pointer) {
  auto& answer = *static_cast<std::string*>(answer_pointer);
  if (answer.size() + size * count > largest_answer) return 0;
  answer.append(from, size * count);
  return size * count;
}

std::string member(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return found->value.GetString();
}

/// The error and its description in {"error": "invalid_grant", "error_description": "..."}, or the beginning
/// of any other answer.
std::string words_in(const std::string& answer) {
  constexpr std::size_t longest = 300;
  rapidjson::Document json;
  json.Parse(answer.c_str());
  if (!json.HasParseError() && json.IsObject() && !member(json, "error").empty()) {
    return with_valid_utf8(member(json, "error") + ": " + member(json, "error_description"));
  }
  return with_valid_utf8(answer.substr(0, longest));
}

std::chrono::seconds life_of(const rapidjson::Value& answer) {
  const auto found = answer.FindMember("expires_in");
  if (found == answer.MemberEnd()) return usual_life;
  if (found->value.IsInt()) return std::chrono::seconds(found->value.GetInt());
  if (found->value.IsString()) return std::chrono::seconds(std::atoi(found->value.GetString()));
  return usual_life;
}

}  // namespace

std::string AccessTokens::get() {
  if (config_.token.is_set()) return config_.token.get();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (token_.empty() || Clock::now() >= expires_) fetch();
  return token_;
}

bool AccessTokens::forget(const std::string& token) {
  if (config_.token.is_set()) return config_.token.get() != token;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (token_ == token) token_.clear();
  return true;
}

std::string AccessTokens::request() const {
  const common::CurlHandle curl = common::make_curl();
  const std::string refresh = refresh_token_.empty() ? config_.refresh_token.get() : refresh_token_;
  const std::string secret = config_.client_secret.get();
  std::string form = "client_id=" + common::percent_encoded(config_.client_id);
  form += refresh.empty() ? "&grant_type=client_credentials"
                          : "&grant_type=refresh_token&refresh_token=" + common::percent_encoded(refresh);
  if (!secret.empty()) form += "&client_secret=" + common::percent_encoded(secret);
  if (!config_.scope.empty()) form += "&scope=" + common::percent_encoded(config_.scope);
  std::string answer;
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(curl.get(), CURLOPT_URL, config_.endpoint.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit_.count()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, form.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &keep_answer);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) fail(config_.endpoint, error[0] != '\0' ? error.data() : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    fail(config_.endpoint, "it answered " + std::to_string(status) + ", " + words_in(answer));
  return answer;
}

void AccessTokens::fetch() {
  const std::string answer = request();
  rapidjson::Document json;
  json.Parse(answer.c_str());
  if (json.HasParseError() || !json.IsObject() || member(json, "access_token").empty()) {
    fail(config_.endpoint, "its answer has no access_token");
  }
  token_ = member(json, "access_token");
  if (!member(json, "refresh_token").empty()) refresh_token_ = member(json, "refresh_token");
  expires_ = Clock::now() + std::max<Clock::duration>(life_of(json) - early, 1s);
}

}  // namespace email
