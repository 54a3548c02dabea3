//! Refusals 3xx: the addresses.

use super::pages;

pages! {
    RECEIVER_MISSING
    vi
        "Văn bản không có nơi nhận."
        "MessageHeader không có phần tử To nào có OrganId."
        "Chỉ có ToPlaces; đó là nơi lưu, không phải nơi nhận."
        "Thêm ít nhất một phần tử To với OrganId của cơ quan nhận."
    en
        "The document has no receiver."
        "MessageHeader holds no To element with an OrganId."
        "Only ToPlaces is there; that lists copies for filing, not receivers."
        "Add at least one To element with the OrganId of a receiver.";
    RECEIVER_UNKNOWN
    vi
        "Cơ quan nhận không có trong danh bạ."
        "Mã ở To/OrganId đúng dạng nhưng chưa đăng ký; chi tiết nêu mã gần giống nhất."
        "To/OrganId là 000.00.31.H54 trong khi danh bạ có 000.00.31.H53."
        "Sửa mã theo gợi ý, hoặc đồng bộ lại danh bạ bằng getAgenciesList."
    en
        "A receiver is not in the directory."
        "The code in To/OrganId is well formed but not registered; the detail names the nearest \
         one."
        "To/OrganId is 000.00.31.H54, and the directory has 000.00.31.H53."
        "Correct the code as suggested, or fetch the directory again with getAgenciesList.";
    RECEIVER_DISSOLVED
    vi
        "Cơ quan nhận đã giải thể hoặc sáp nhập."
        "Mã của cơ quan nhận đã hết hiệu lực; danh bạ ghi cơ quan kế thừa nếu có."
        "Gửi cho một sở của tỉnh đã sáp nhập từ 01/7/2025."
        "Gửi cho cơ quan kế thừa nêu trong phần chi tiết."
    en
        "A receiver was dissolved or merged."
        "The receiver's code has ended; the directory names a successor if there is one."
        "Sent to a department of a province merged on 1 July 2025."
        "Send to the successor named in the detail.";
    RECEIVER_LOCKED
    vi
        "Cơ quan nhận đang bị khóa trên trục."
        "Đơn vị vận hành tạm khóa cơ quan nhận, ví dụ khi chuyển hệ thống."
        "Sở đang thay phần mềm quản lý văn bản nên bị khóa đến hết tuần."
        "Chờ mở khóa rồi gửi lại, hoặc liên hệ đơn vị vận hành; các nơi nhận khác không bị ảnh \
         hưởng."
    en
        "A receiver is locked on the platform."
        "The operator has locked the receiver for now, for example while its system moves."
        "A department replaces its document system and is locked until the end of the week."
        "Send again when it is unlocked, or ask the operator; other receivers are not affected.";
    RECEIVER_TWICE
    vi
        "Một nơi nhận được ghi hai lần."
        "Hai phần tử To có cùng mã; mã 13 ký tự và mã theo QĐ 20/2020 là một."
        "To là 000.00.13.H53 và H53.13."
        "Bỏ phần tử To bị lặp."
    en
        "A receiver is named twice."
        "Two To elements have the same code; the 13-character form and the form of QĐ 20/2020 \
         are one."
        "To is 000.00.13.H53 and H53.13."
        "Remove the repeated To element.";
    TOO_MANY_RECEIVERS
    vi
        "Văn bản có quá nhiều nơi nhận."
        "Số phần tử To vượt giới hạn recipients_max."
        "Gửi một lần cho 1.200 xã trong khi giới hạn là 1.000."
        "Chia thành nhiều lần gửi, hoặc gửi cho cấp trên để chuyển tiếp."
    en
        "The document has too many receivers."
        "There are more To elements than recipients_max allows."
        "One document to 1,200 communes where 1,000 are allowed."
        "Send it in parts, or to the level above for distribution.";
    NO_ROUTE
    vi
        "Không có đường chuyển tới cơ quan nhận."
        "Danh bạ có cơ quan nhận nhưng bảng định tuyến của trục không biết gửi về đâu."
        "Cơ quan vừa đăng ký nhưng chưa gắn với LGSP nào."
        "Đơn vị vận hành cần khai báo nền tảng quản lý cơ quan này."
    en
        "There is no route to the receiver."
        "The directory has the receiver, but the platform's routing table does not know where to."
        "An agency just registered that belongs to no LGSP yet."
        "The operator must say which platform the agency is homed at.";
    HOPS_EXHAUSTED
    vi
        "Văn bản đã qua quá nhiều nền tảng."
        "Số chặng còn lại bằng không; thường do cấu hình định tuyến vòng."
        "LGSP A coi B là cấp trên, B lại coi A là cấp trên."
        "Kiểm tra liên kết cấp trên, cấp dưới giữa các nền tảng."
    en
        "The document has passed too many platforms."
        "No hops are left; usually the routing goes in a circle."
        "LGSP A takes B for its parent, and B takes A for its own."
        "Check the parent and child links between the platforms.";
}
