// The settings and directories of an instance.
#ifndef LAO_CPP_CONFIG_HPP
#define LAO_CPP_CONFIG_HPP

#include <algorithm>
#include <memory>
#include <thread>

#include "../c/json.h"
#include "../plugin.h"
#include "host.hpp"
#include "param.hpp"

namespace lao {

// Valid while the instance is made or configured. Declared settings were checked already: text("name") and its like give
// the setting or its declared default. With a second argument, the default stands there, and a setting of another type
// throws InvalidConfig.
class Config {
  public:
    Config(Host host, const lao_config_t &config, const std::vector<Param> &settings)
        : host_(host), config_(&config), settings_(&settings) {
        for (const auto &setting : settings) {
            check(setting);
        }
    }

    Host host() const noexcept { return host_; }
    std::string_view json() const noexcept { return {config_->json, static_cast<std::size_t>(config_->json_size)}; }
    // The plugin's package, read-only; empty when there is none.
    std::string resource_dir() const { return config_->resource_dir != nullptr ? config_->resource_dir : ""; }
    // The plugin's own data directory; empty when there is none.
    std::string data_dir() const { return config_->data_dir != nullptr ? config_->data_dir : ""; }

    // How many threads are worth having: as many as there are processors, within what the plugin may have.
    std::uint32_t threads() const noexcept {
        const std::uint32_t processors = std::max(1u, std::thread::hardware_concurrency());
        return config_->max_threads > 0 ? std::min(processors, config_->max_threads) : processors;
    }

    // Whether it was set.
    bool has(const std::string &name) const { return find(name).has_value(); }

    std::string text(const std::string &name) const { return text(name, fallback<std::string>(name)); }
    std::int64_t integer(const std::string &name) const { return integer(name, fallback<std::int64_t>(name)); }
    double number(const std::string &name) const { return number(name, fallback<double>(name)); }
    bool boolean(const std::string &name) const { return boolean(name, fallback<bool>(name)); }
    // A list or an object, as JSON.
    std::string json(const std::string &name) const {
        const auto member = find(name);
        return member ? std::string(member->at, static_cast<std::size_t>(member->size)) : fallback<std::string>(name);
    }

    std::string text(const std::string &name, const std::string &otherwise) const {
        const auto member = find(name);
        return member ? decoded(name, *member) : otherwise;
    }
    std::int64_t integer(const std::string &name, std::int64_t otherwise) const {
        return get<std::int64_t>(name, otherwise, lao_json_integer, "an integer");
    }
    double number(const std::string &name, double otherwise) const {
        return get<double>(name, otherwise, lao_json_number, "a number");
    }
    bool boolean(const std::string &name, bool otherwise) const {
        return get<int>(name, otherwise ? 1 : 0, lao_json_boolean, "true or false") != 0;
    }

  private:
    static InvalidConfig wrong(const std::string &name, const std::string &wanted) {
        return InvalidConfig("`" + name + "` must be " + wanted);
    }
    static std::string decoded(const std::string &name, lao_json_t member) {
        std::uint64_t size = 0;
        const std::unique_ptr<char, void (*)(void *)> text(lao_json_text(member, &size), std::free);
        if (text == nullptr) {
            throw wrong(name, "a text");
        }
        return {text.get(), static_cast<std::size_t>(size)};
    }

    std::optional<lao_json_t> find(const std::string &name) const {
        lao_json_t member{};
        const int found = lao_json_member(config_->json, config_->json_size, name.c_str(), &member);
        if (found < 0) {
            throw InvalidConfig("the configuration is not a JSON object");
        }
        return found != 0 ? std::optional<lao_json_t>(member) : std::nullopt;
    }

    template <class T>
    T get(const std::string &name, T otherwise, int (*parse)(lao_json_t, T *), const char *wanted) const {
        const auto member = find(name);
        if (member && parse(*member, &otherwise) == 0) {
            throw wrong(name, wanted);
        }
        return otherwise;
    }

    // What was declared to stand in for it; a neutral value where nothing was.
    template <class T> T fallback(const std::string &name) const {
        const Param *setting = detail::declared(*settings_, name);
        if (setting == nullptr) {
            throw std::logic_error("the plugin asks for the setting `" + name + "`, which it did not declare");
        }
        const T *value = std::get_if<T>(&setting->otherwise);
        return value != nullptr ? *value : T();
    }

    void check(const Param &setting) const {
        const auto member = find(setting.name);
        if (!member) {
            if (!setting.has_default() && !setting.may_lack) {
                throw InvalidConfig("the setting `" + setting.name + "` is missing");
            }
            return;
        }
        lao_param_t given{};
        std::string text;
        int truth = 0;
        given.type = LAO_PARAM_JSON;
        given.data = member->at;
        given.size = member->size;
        if (*member->at == '"') {
            text = decoded(setting.name, *member);
            given.type = LAO_PARAM_TEXT;
            given.data = text.data();
            given.size = text.size();
        } else if (lao_json_boolean(*member, &truth) != 0) {
            given.type = LAO_PARAM_BOOL;
        } else if (lao_json_integer(*member, &given.integer) != 0) {
            given.type = LAO_PARAM_INT;
        } else if (lao_json_number(*member, &given.number) != 0) {
            given.type = LAO_PARAM_DOUBLE;
        }
        const std::string wanted = detail::wrong(setting, given);
        if (!wanted.empty()) {
            throw wrong(setting.name, wanted);
        }
    }

    Host host_;
    const lao_config_t *config_;
    const std::vector<Param> *settings_;
};

} // namespace lao

#endif // LAO_CPP_CONFIG_HPP
